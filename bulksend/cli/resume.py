"""`bulksend resume`."""

from pathlib import Path
from typing import Any

import click

from bulksend.cli.options import aws_options, examples, json_option, log_options, run_options, with_flags

EPILOG = examples(
    ("Go on after an interruption", "bulksend resume sale.db"),
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
    help="A setting of [aws], [pacing] or [retry] for this run; can be repeated.",
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
    log_format: str,
    *,
    resend_unknown: bool,
    yes: bool,
    verbose: bool,
    as_json: bool,
) -> int:
    """Go on with the campaign in LEDGER; needs no input file and no configuration.

    Sends what is pending, and asks before it does, as `send` does. Rows whose outcome is unknown are left alone, unless
    --resend-unknown is given.
    """
    from bulksend.base.clock import SystemClock
    from bulksend.cli.campaign import Manner, require_consent, run_campaign
    from bulksend.cli.running import nothing_between
    from bulksend.config.changes import with_changes
    from bulksend.config.snapshot import from_document
    from bulksend.store.owner import OwnerLock
    from bulksend.store.reading import ReadableLedger

    flags = {"aws.endpoint_url": endpoint_url, "aws.region": region, "aws.profile": profile}
    with OwnerLock(ledger, clock=SystemClock()) as owner:
        with ReadableLedger.open_for_reading(ledger) as held:
            settings = with_changes(from_document(held.campaign), with_flags(overrides, flags))
        manner = Manner(
            yes=yes,
            as_json=as_json,
            log_format=log_format,
            verbose=verbose,
            limit=limit,
            resend_unknown=resend_unknown,
            interpose=interpose or nothing_between,
        )
        require_consent(settings, manner)
        return run_campaign(owner, ledger, settings, manner)
