"""`bulksend send`."""

import os
from pathlib import Path
from typing import Any

import click

from bulksend.cli.options import (
    aws_options,
    campaign_options,
    examples,
    json_option,
    log_options,
    run_options,
    with_flags,
)

EPILOG = examples(
    ("Plan, ask, send", "bulksend send list.csv --config bulksend.toml --ledger sale.db"),
    ("A trial with five rows", "bulksend send list.csv -c bulksend.toml --ledger sale.db --limit 5"),
    ("Let the service check everything", "bulksend send list.csv -c bulksend.toml --ledger check.db --dry-run"),
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
@click.argument("input_name", metavar="INPUT")
@campaign_options
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
    ledger: Path | None,
    endpoint_url: str | None,
    region: str | None,
    profile: str | None,
    limit: int | None,
    log_format: str,
    *,
    dry_run: bool,
    yes: bool,
    verbose: bool,
    as_json: bool,
) -> int:
    """Plan a campaign, or go on with one, then send it.

    INPUT is a CSV or JSONL file (.csv, .jsonl, .ndjson, each also .gz or .zst), or - for standard input. The whole
    input is read, checked and recorded in the ledger before the first message goes out.
    """
    from bulksend.base.clock import SystemClock
    from bulksend.cli.campaign import Manner, ask_account, require_consent, run_campaign
    from bulksend.cli.output import say, standard_input
    from bulksend.cli.running import nothing_between
    from bulksend.config.load import load_settings
    from bulksend.pipeline.plan import make_plan, refuse_changes
    from bulksend.report.planned import plan_lines
    from bulksend.store.owner import OwnerLock

    flags = {
        "campaign.dry_run": dry_run,
        "aws.endpoint_url": endpoint_url,
        "aws.region": region,
        "aws.profile": profile,
    }
    settings = load_settings(config, environ=os.environ, overrides=with_flags(overrides, flags))
    manner = Manner(
        yes=yes,
        as_json=as_json,
        log_format=log_format,
        verbose=verbose,
        limit=limit,
        keep_settings=True,
        interpose=interpose or nothing_between,
    )
    require_consent(settings, manner)
    path = ledger or Path(f"{settings.campaign.name}.db")
    clock = SystemClock()
    known = None
    with OwnerLock(path, clock=clock) as owner:
        if path.exists():
            refuse_changes(settings, input_name, path, stdin=standard_input())
            say([f"Going on with the campaign in {path}"])
        else:
            # Rows are divided by the limits, so what is left to the account to tell has to be known before.
            known = ask_account(settings, manner) if settings.has_auto else None
            planned = known or settings
            plan = make_plan(planned, input_name, path, clock=clock, stdin=standard_input(), owner=owner)
            say(plan_lines(planned, plan))
        return run_campaign(owner, path, settings, manner, known=known)
