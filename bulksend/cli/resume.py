"""`bulksend resume`."""

import os
from pathlib import Path
from typing import Any

import click

from bulksend.cli.completing import complete_settings
from bulksend.cli.options import aws_options, examples, json_option, log_options, run_options, with_flags

EPILOG = examples(
    ("Go on after an interruption", "bulksend resume sale.db"),
    ("After `bulksend pause sale.db`, from any terminal", "bulksend resume sale.db"),
    ("From a scheduled job", "bulksend resume sale.db --yes --json"),
    ("Accept that some are texted twice", "bulksend resume sale.db --resend-unknown"),
    ("Slower than configured", "bulksend resume sale.db --set pacing.headroom=0.2"),
)


@click.command(epilog=EPILOG)
@click.argument("ledger", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=complete_settings,
    help="A setting for this run, of those that say how, when and how fast; can be repeated.",
)
@click.option(
    "--resend-unknown",
    is_flag=True,
    help="Send rows whose outcome is unknown again, after saying how many; some people may be texted twice.",
)
@run_options
@aws_options
@log_options
@json_option
@click.pass_obj
def resume(
    interpose: Any,
    ledger: Path,
    overrides: tuple[str, ...],
    endpoint_url: str | None,
    region: str | None,
    profile: str | None,
    limit: int | None,
    canary: int | None,
    metrics_port: int | None,
    log_format: str,
    *,
    resend_unknown: bool,
    yes: bool,
    verbose: bool,
    as_json: bool,
) -> int:
    """Go on with the campaign in LEDGER; needs no input file and no configuration.

    Where a process that was paused is sending it, that goes on. Otherwise this one sends what is pending, and asks
    before it does, as `send` does. Rows whose outcome is unknown are left alone, unless --resend-unknown is given.
    """
    from bulksend.api import sending
    from bulksend.api.campaign import Campaign
    from bulksend.cli.campaign import Manner, require_consent, run_campaign
    from bulksend.cli.notices import say_notice
    from bulksend.cli.ordering import go_on, told
    from bulksend.cli.running import nothing_between
    from bulksend.store.owner import holder_of

    flags = {
        "aws.endpoint_url": endpoint_url,
        "aws.region": region,
        "aws.profile": profile,
        "canary.messages": canary,
        "telemetry.metrics_port": metrics_port,
    }
    changes = with_flags(overrides, flags)
    manner = Manner(
        yes=yes,
        as_json=as_json,
        log_format=log_format,
        verbose=verbose,
        interpose=interpose or nothing_between,
    )
    if (holder := holder_of(ledger)) is not None and (before := go_on(ledger)) is not None:
        told(ledger, before, holder, as_json=as_json)
        return 0

    settings = Campaign.of_ledger(ledger, overrides=changes).settings
    require_consent(settings, manner)
    return run_campaign(
        settings.campaign.name,
        ledger,
        manner,
        lambda stop, hooks: sending.resume(
            ledger,
            environ=os.environ,
            overrides=changes,
            limit=limit,
            resend_unknown=resend_unknown,
            confirm=manner.confirm,
            decide=manner.decide,
            stop=stop,
            on_notice=say_notice,
            hooks=hooks,
        ),
    )
