"""The look of every page that bulksend writes.

Colours are variables, so that a chart follows light and dark as the page does: `--ink`, `--quiet` (what stands back),
`--grid`, `--good`, `--warning`, `--bad`, and `--series-1` to `--series-6`, which can be told from one another.
"""

STYLE = """\
:root {
  color-scheme: light dark;
  --ground: #ffffff;
  --raised: #f5f6f8;
  --ink: #1b1f24;
  --quiet: #57606a;
  --grid: #d5d9de;
  --link: #0b5cad;
  --good: #1a7f37;
  --warning: #8a5a00;
  --bad: #b42318;
  --series-1: #0b6bcb;
  --series-2: #b35900;
  --series-3: #1a7f37;
  --series-4: #8250df;
  --series-5: #bf3989;
  --series-6: #57606a;
}

@media screen and (prefers-color-scheme: dark) {
  :root {
    --ground: #14171b;
    --raised: #1e2329;
    --ink: #e4e8ec;
    --quiet: #9aa4af;
    --grid: #3a424b;
    --link: #6cb2f7;
    --good: #4ac26b;
    --warning: #e3a008;
    --bad: #ff7b72;
    --series-1: #58a6ff;
    --series-2: #f0883e;
    --series-3: #56d364;
    --series-4: #bc8cff;
    --series-5: #ff7bc5;
    --series-6: #9aa4af;
  }
}

* { box-sizing: border-box; }

html { -webkit-text-size-adjust: 100%; }

body {
  margin: 0 auto;
  padding: 1.5rem 1rem 3rem;
  max-width: 64rem;
  background: var(--ground);
  color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
  overflow-wrap: break-word;
}

h1 { margin: 0; font-size: 1.6rem; line-height: 1.25; }
h2 { margin: 2.5rem 0 0.75rem; padding-bottom: 0.25rem; border-bottom: 1px solid var(--grid); font-size: 1.2rem; }
h3 { margin: 1.5rem 0 0.5rem; font-size: 1rem; }
p { margin: 0.5rem 0; max-width: 46rem; }
a { color: var(--link); }
code { font-family: ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: 0.9em; }

.subtitle { color: var(--quiet); }

nav { margin-top: 1rem; display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; }

.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.25rem, 1fr)); gap: 0.75rem;
  margin: 0.75rem 0; }
.figure { padding: 0.75rem 0.9rem; border-radius: 0.5rem; background: var(--raised);
  border-left: 0.25rem solid var(--grid); }
.figure .label { display: block; color: var(--quiet); font-size: 0.85rem; }
.figure .value { display: block; font-size: 1.4rem; line-height: 1.3; font-variant-numeric: tabular-nums; }
.figure .more { display: block; color: var(--quiet); font-size: 0.85rem; }
.figure.good { border-left-color: var(--good); }
.figure.warning { border-left-color: var(--warning); }
.figure.bad { border-left-color: var(--bad); }

.note { margin: 0.75rem 0; padding: 0.6rem 0.9rem; max-width: 46rem; background: var(--raised);
  border-left: 0.25rem solid var(--grid); }
.note.good { border-left-color: var(--good); }
.note.warning { border-left-color: var(--warning); }
.note.bad { border-left-color: var(--bad); }

.scroll { overflow-x: auto; margin: 0.75rem 0; }
table { border-collapse: collapse; font-size: 0.95rem; }
caption { padding: 0 0 0.4rem; color: var(--quiet); text-align: left; }
th, td { padding: 0.35rem 0.9rem 0.35rem 0; border-bottom: 1px solid var(--grid); text-align: left;
  vertical-align: top; }
th { font-weight: 600; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }

.bar { display: block; min-width: 6rem; height: 0.7rem; margin-top: 0.35rem; background: var(--raised); }
.bar span { display: block; height: 100%; background: var(--series-1); }

.text { margin: 0.5rem 0 1rem; padding: 0.75rem 1rem; max-width: 46rem; border-radius: 0.5rem;
  background: var(--raised); white-space: pre-wrap; }

svg { max-width: 100%; height: auto; }

footer { margin-top: 3rem; color: var(--quiet); font-size: 0.85rem; }

@media (max-width: 30rem) {
  body { padding: 1rem 0.75rem 2rem; }
  .figures { grid-template-columns: repeat(auto-fill, minmax(8.5rem, 1fr)); }
  th, td { padding-right: 0.6rem; }
}

@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  a { color: inherit; text-decoration: none; }
  .scroll { overflow: visible; }
  h2 { break-after: avoid; }
  tr, .figure, .note, .text, svg { break-inside: avoid; }
  .figure, .note, .bar, .bar span, .text { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
