"""`bulksend rehearse`."""

import os
from collections.abc import Mapping
from pathlib import Path

import click

from bulksend.cli.completing import complete_files
from bulksend.cli.objects import local_copy
from bulksend.cli.options import aws_options, campaign_options, examples, json_option, log_options, with_flags

EPILOG = examples(
    ("How long it takes, and what decides", "bulksend rehearse list.csv --config bulksend.toml"),
    ("The same in a sixtieth of the time", "bulksend rehearse list.csv -c bulksend.toml --speed 60"),
    ("On a slow day", "bulksend rehearse list.csv -c bulksend.toml --latency slow"),
    ("On a day of your own", "bulksend rehearse list.csv -c bulksend.toml --simulator day.toml"),
    ("What the service would refuse", "bulksend rehearse list.csv -c bulksend.toml --at service"),
    (
        "Every row of it, kept to look at",
        "bulksend rehearse list.csv -c bulksend.toml --at service --all \\\n  --ledger check.db",
    ),
    after=(
        "Exit codes: 0 all was fine; 1 some was refused or has no answer; 2 usage, configuration or input error;"
        " 3 interrupted; 4 stopped by the service."
    ),
)

DEFAULT_SAMPLE = 100


@click.command(epilog=EPILOG)
@click.argument("input_name", metavar="INPUT", shell_complete=complete_files)
@campaign_options
@click.option(
    "--at",
    type=click.Choice(["simulator", "service"]),
    default="simulator",
    show_default=True,
    help="Full speed against a simulator on this machine, or DryRun at the real service.",
)
@click.option(
    "--speed",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="simulator: N times as fast as life: limits as much higher, latencies and waits as much shorter.  "
    "[default: 1]",
)
@click.option(
    "--latency",
    type=click.Choice(["fast", "typical", "slow"]),
    help="simulator: answers in 15, 60 or 250 ms (1 in 100 takes 60, 180 or 2,000).  [default: typical]",
)
@click.option(
    "--simulator",
    "simulator_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="simulator: latency, faults and seed of this file (config/simulator.toml shows the keys).",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="service: rows to ask about; every country, identity and number of parts is among them.  [default: 100]",
)
@click.option("--all", "every", is_flag=True, help="service: ask about every row.")
@click.option(
    "--ledger",
    type=click.Path(path_type=Path, dir_okay=False),
    help="service: keep the rehearsal's ledger here; the same command goes on with it.",
)
@aws_options
@log_options
@json_option
def rehearse(
    input_name: str,
    config: Path | None,
    overrides: tuple[str, ...],
    at: str,
    speed: int | None,
    latency: str | None,
    simulator_file: Path | None,
    sample: int | None,
    ledger: Path | None,
    endpoint_url: str | None,
    region: str | None,
    profile: str | None,
    log_format: str,
    *,
    every: bool,
    verbose: bool,
    as_json: bool,
) -> int:
    """Try a campaign out: how fast it goes, or what the service refuses. Sends nothing to anybody.

    At the simulator the whole list goes out as it would, at the campaign's own limits, and ends with a verdict: what
    was reached, and what decides how long it takes. At the service a sample is checked with DryRun, at no more than 5
    parts a second.
    """
    from bulksend.cli.rehearsing import Rehearsal
    from bulksend.config.load import load_settings

    at_service = {
        "--sample": sample,
        "--all": every,
        "--ledger": ledger,
        "--endpoint-url": endpoint_url,
        "--region": region,
        "--profile": profile,
    }
    at_simulator = {"--speed": speed, "--latency": latency, "--simulator": simulator_file}
    _refuse(at_simulator if at == "service" else at_service, f"is not for --at {at}")
    if every:
        _refuse({"--sample": sample}, "and --all exclude one another")
    if simulator_file:
        _refuse({"--latency": latency}, "and --simulator exclude one another")
    flags = {"aws.endpoint_url": endpoint_url, "aws.region": region, "aws.profile": profile}
    settings = load_settings(config, environ=os.environ, overrides=with_flags(overrides, flags))
    with local_copy(input_name, region=settings.aws.region, profile=settings.aws.profile) as name:
        rehearsal = Rehearsal(
            input_name=name, as_json=as_json, log_format=log_format, verbose=verbose, folder=_folder()
        )
        if at == "service":
            from bulksend.cli.rehearsing_dry import rehearse_at_service

            wanted = None if every else sample or DEFAULT_SAMPLE
            return rehearse_at_service(settings, rehearsal, ledger=ledger, sample=wanted)
        from bulksend.cli.rehearsal_service import PROFILES
        from bulksend.cli.rehearsing_simulated import rehearse_at_simulator
        from bulksend.simulator.settings import SimulatorSettings
        from bulksend.simulator.settings import load_settings as load_day

        day = load_day(simulator_file) if simulator_file else SimulatorSettings(latency=PROFILES[latency or "typical"])
        return rehearse_at_simulator(settings, rehearsal, day, speed=speed or 1)


def _refuse(given: Mapping[str, object], why: str) -> None:
    """Raise `UsageError` for the first option of `given` that was given."""
    from bulksend.base.errors import UsageError

    for option, value in given.items():
        if value:
            raise UsageError(f"{option} {why}", "see `bulksend rehearse --help`")


def _folder() -> Path | None:
    """Where a ledger would be: the working folder, if that can be written; None: the system's folder for such files."""
    return Path() if os.access(Path(), os.W_OK) else None
