"""`bulksend send`."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from bulksend.cli.completing import complete_files
from bulksend.cli.options import (
    aws_options,
    campaign_options,
    examples,
    json_option,
    log_options,
    not_in_options,
    run_options,
    with_flags,
)

EPILOG = examples(
    ("Plan, ask, send", "bulksend send list.csv --config bulksend.toml --ledger sale.db"),
    ("A trial with five rows", "bulksend send list.csv -c bulksend.toml --ledger sale.db --limit 5"),
    ("Leave out whom an earlier campaign reached", "bulksend send list.csv -c bulksend.toml --not-in spring.db"),
    ("Let the service check everything", "bulksend send list.csv -c bulksend.toml --ledger check.db --dry-run"),
    ("Fifty first, the rest if they do well", "bulksend send list.csv -c bulksend.toml --canary 50"),
    ("From a scheduled job", "bulksend send list.csv.gz -c bulksend.toml --ledger sale.db --yes"),
    (
        "Against the simulator",
        "bulksend send list.csv -c bulksend.toml --ledger try.db \\\n  --endpoint-url http://127.0.0.1:8765",
    ),
    after=(
        "The same command again goes on where the last one ended; if anything that decides who gets what has changed"
        " since, it is refused and says what changed."
    ),
)


@click.command(epilog=EPILOG)
@click.argument("input_name", metavar="INPUT", shell_complete=complete_files)
@campaign_options
@not_in_options
@click.option(
    "--ledger",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="BULKSEND_LEDGER",
    help="The campaign's ledger.  [default: <campaign.name>.db here; env: BULKSEND_LEDGER]",
)
@click.option("--dry-run", is_flag=True, help="Send with DryRun: the service checks and sends nothing (5 parts/s).")
@run_options
@aws_options
@log_options
@json_option
@click.pass_obj
def send(
    interpose: Any,
    input_name: str,
    config: Path | None,
    overrides: tuple[str, ...],
    not_in: tuple[Path, ...],
    not_in_key: Path | None,
    ledger: Path | None,
    endpoint_url: str | None,
    region: str | None,
    profile: str | None,
    limit: int | None,
    canary: int | None,
    metrics_port: int | None,
    log_format: str,
    *,
    dry_run: bool,
    yes: bool,
    verbose: bool,
    as_json: bool,
) -> int:
    """Plan a campaign, or go on with one, then send it.

    INPUT is a CSV or JSONL file (.csv, .jsonl, .ndjson, each also .gz or .zst), its s3://bucket/key,
    or - for standard input. The whole input is read, checked and recorded in the ledger before the first message goes
    out.
    """
    from bulksend.api import sending
    from bulksend.api.campaign import Campaign
    from bulksend.cli.campaign import Manner, require_consent, run_campaign
    from bulksend.cli.notices import say_notice
    from bulksend.cli.running import nothing_between
    from bulksend.cli.signals import stoppable
    from bulksend.pipeline.earlier import with_earlier

    flags = {
        "campaign.dry_run": dry_run,
        "aws.endpoint_url": endpoint_url,
        "aws.region": region,
        "aws.profile": profile,
        "canary.messages": canary,
        "telemetry.metrics_port": metrics_port,
    }
    campaign = Campaign.load(config, environ=os.environ, overrides=with_flags(overrides, flags))
    campaign = replace(campaign, settings=with_earlier(campaign.settings, not_in), not_in_key=not_in_key)
    manner = Manner(
        yes=yes,
        as_json=as_json,
        log_format=log_format,
        verbose=verbose,
        interpose=interpose or nothing_between,
    )
    require_consent(campaign.settings, manner)
    path = ledger or Path(f"{campaign.settings.campaign.name}.db")
    return run_campaign(
        campaign.settings.campaign.name,
        path,
        manner,
        lambda stop, hooks: sending.send(
            campaign,
            stoppable(input_name),
            ledger=path,
            limit=limit,
            confirm=manner.confirm,
            decide=manner.decide,
            stop=stop,
            on_notice=say_notice,
            hooks=hooks,
        ),
    )
