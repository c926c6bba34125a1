"""`python -m benchmarks` lists the benchmarks, `python -m benchmarks NAME [options]` runs one; `all` is a name too."""

import importlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

NAMES = {
    "send": "processor time, speed and memory of sending, beside bare SDKs that record nothing",
    "profile": "where the processor time of `bulksend send` goes",
    "plan": "planning a list, beside a bare phonenumbers loop over the same list",
    "export": "writing results, in every format",
    "ledger": "intents and outcomes on disk, beside plain SQLite",
    "startup": "commands that do next to nothing, beside Python itself",
    "memory": "most memory of each command, for short and for long lists",
    "simulator": "requests a second of the simulator on one core",
    "pacing": "how much of a limit is used, and the fullest second, beside the obvious alternatives",
    "idle": "what a start, a pause and a restart do to the fullest second, with a plot",
    "headroom": "how much of a limit has to stay unused, and why",
}
ALL = "all"


def run_all(words: list[str]) -> int:
    """Run every benchmark in a process of its own, so that none inherits memory or garbage from the one before."""
    from benchmarks.options import parser_of

    options = parser_of(ALL, "Every benchmark, one after the other.").parse_args(words)
    documents = []
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        for name in NAMES:
            command = [sys.executable, "-m", "benchmarks", name, "--seed", str(options.seed), "--json", str(results)]
            command += ["--full"] * options.full + ["--readme"] * options.readme
            print(f"== {name}", file=sys.stderr, flush=True)
            if code := subprocess.run(command).returncode:  # noqa: S603, PLW1510 - ourselves
                return code
            documents.append(json.loads(results.read_text()))
    if options.json is not None:
        options.json.write_text(json.dumps(documents, indent=2))
    return 0


def main() -> int:
    """List, or run."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name == ALL:
        return run_all(sys.argv[2:])
    if name not in NAMES:
        for each, what in {**NAMES, ALL: "all of them, one after the other"}.items():
            print(f"{each:<10} {what}")
        return 2 if name else 0
    module = importlib.import_module(f"benchmarks.bench_{name}")
    return int(module.main(sys.argv[2:]))


if __name__ == "__main__":
    sys.exit(main())
