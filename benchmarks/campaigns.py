"""Lists, settings and ledgers of bulksend, and its real command as a child that is measured."""

import csv
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from benchmarks.jobs import CAMPAIGN, Job, Result, identity
from benchmarks.process import Ran, run
from benchmarks.texts import number

IDENTITIES = 4
MPS = 10_000
"""Of each identity: more than any process here sends, so that the limit is not what is measured."""

TEMPLATE = "Your table is booked for {{ when }} tonight."
"""Becomes the very text that the other clients send."""

COMPLETE = 0
INTERRUPTED = 3
"""Exit codes; the second one where rows are left, because of --limit."""

LIST = "list.csv"
LEDGER = "sale.db"


def write_campaign(folder: Path, rows: int, *, settings: str = "", mps: int = MPS) -> None:
    """Write a list of US numbers, each there once, and the settings of their campaign.

    Args:
        folder: where to.
        rows: how many.
        settings: more of [aws], as TOML.
        mps: limit of each identity.
    """
    with (folder / LIST).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["phone", "when"])
        writer.writerows((number(row), "eight") for row in range(rows))
    lines = ["[campaign]", f'name = "{CAMPAIGN}"', f"template = '{TEMPLATE}'"]
    lines += ["[aws]", "check_identities = false", settings]
    for each in range(IDENTITIES):
        lines += ["[[identities]]", f'id = "{identity(each)}"', f"mps = {mps}", 'countries = ["US"]']
    (folder / "bulksend.toml").write_text("\n".join(lines))


def bulksend(
    folder: Path, *words: str | Path, env: Mapping[str, str] | None = None, cores: Collection[int] = ()
) -> Ran:
    """Run `bulksend` in `folder`, with the settings there where the command takes any."""
    codes = (COMPLETE, INTERRUPTED) if "--limit" in words else (COMPLETE,)
    config = ("--config", "bulksend.toml") if words[0] in ("plan", "send") else ()
    return run([sys.executable, "-m", "bulksend", *words, *config], folder=folder, env=env, cores=cores, codes=codes)


def sent(
    folder: Path, job: Job, transport: str, *, latency_s: float, env: Mapping[str, str], cores: Collection[int]
) -> tuple[Result, Ran]:
    """Send a campaign twice: what sending alone took, and what one `bulksend send` took, planning and start included.

    Sending alone is the difference of two runs over one ledger, which was planned before: one that sends all that is
    left, less one that sends a single message. Both start, check the ledger, connect and end; neither plans. The
    latency of that single message is part of both, and is added again.
    """
    settings = f'transport = "{transport}"\nmax_concurrency = {job.connections}\nendpoint_url = "{job.url}"'
    write_campaign(folder, job.messages, settings=settings)

    def command(*words: str | Path) -> Ran:
        return bulksend(folder, *words, "--yes", env=env, cores=cores)

    whole = command("send", LIST, "--ledger", "whole.db")
    command("send", LIST, "--ledger", LEDGER, "--limit", "1")
    single = command("resume", LEDGER, "--limit", "1")
    rest = command("resume", LEDGER)
    share = job.messages / (job.messages - 3)
    wall_s, cpu_s = rest.wall_s - single.wall_s + latency_s, rest.cpu_s - single.cpu_s
    return Result(wall_s=wall_s * share, cpu_s=cpu_s * share, peak_mib=whole.peak_mib), whole
