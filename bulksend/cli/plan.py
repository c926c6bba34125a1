"""`bulksend plan`."""

import os
from dataclasses import replace
from pathlib import Path

import click

from bulksend.base.errors import UsageError
from bulksend.cli.completing import complete_files
from bulksend.cli.options import campaign_options, examples, json_option, not_in_options
from bulksend.cli.output import print_json, print_text

EPILOG = examples(
    ("See what a campaign would do", "bulksend plan list.csv --config bulksend.toml"),
    ("From another program's output", "./recipients.sh | bulksend plan - --config bulksend.toml"),
    ("As a page", "bulksend plan list.csv --config bulksend.toml --html plan.html"),
    ("What could be written in fewer parts", "bulksend plan list.csv --config bulksend.toml --suggest"),
    ("For a script", "bulksend plan list.jsonl.gz --config bulksend.toml --json"),
    (
        "With another text, not saved",
        'bulksend plan list.csv -c bulksend.toml \\\n  --set "campaign.template=Hi {{ name }}"',
    ),
)


@click.command(epilog=EPILOG)
@click.argument("input_name", metavar="INPUT", shell_complete=complete_files)
@campaign_options
@not_in_options
@click.option(
    "--suggest",
    is_flag=True,
    help="Propose plain characters for those that force UCS-2, and a template with them; never for India. Nothing is"
    " changed.",
)
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the plan as a page, too: one file, mode 0600, because it shows three messages.",
)
@click.option("--samples", is_flag=True, help="Show the three messages in --json as well, where they are left out.")
@json_option
def plan(
    input_name: str,
    config: Path | None,
    overrides: tuple[str, ...],
    not_in: tuple[Path, ...],
    not_in_key: Path | None,
    html: Path | None,
    *,
    suggest: bool,
    samples: bool,
    as_json: bool,
) -> int:
    """Check everything about a campaign; send nothing and open no connection.

    INPUT is a CSV or JSONL file (.csv, .jsonl, .ndjson, each also .gz or .zst), its s3://bucket/key, for which alone a
    connection is opened, or - for standard input. Every row is read, composed, counted, checked and routed exactly as
    `send` would do it. Tells who is skipped and why, what it costs (pricing.file), how long each bucket takes and when
    it would be done, which is the slowest, what another identity would change, where carriers may filter a text for
    coming from many numbers, and which characters force UCS-2. Ends with three messages as they would go out: on
    standard output, and in no log.

    A plan that may cost more than pricing.max_total is refused with exit code 2, here and by `send`.
    """
    from bulksend.api import planning
    from bulksend.api.campaign import Campaign
    from bulksend.api.threads import unless
    from bulksend.base.clock import SystemClock
    from bulksend.cli.running import run_until_stopped
    from bulksend.cli.signals import stoppable
    from bulksend.pipeline.earlier import with_earlier
    from bulksend.report.planned import plan_document, plan_lines
    from bulksend.report.planned_page import plan_page

    for name, read in (("INPUT", Path(input_name)), ("--config", config)):
        if html is not None and read is not None and html.exists() and read.exists() and html.samefile(read):
            raise UsageError(f"--html {html}: is the file of {name}, which it would replace", "Name another file")
    campaign = Campaign.load(config, environ=os.environ, overrides=overrides)
    campaign = replace(campaign, settings=with_earlier(campaign.settings, not_in), not_in_key=not_in_key)
    made = run_until_stopped(
        lambda stop: unless(stop, planning.plan(campaign, stoppable(input_name))),
        sends=False,
    )
    settings, now = campaign.settings, SystemClock().now()
    if html is not None:
        _write(html, plan_page(settings, made.made, now=now, suggest=suggest))
    if as_json:
        print_json(plan_document(settings, made.made, now=now, suggest=suggest, samples=samples))
    else:
        print_text((*made.notes, *plan_lines(settings, made.made, now=now, suggest=suggest, samples=True)))
    return 0


def _write(html: Path, page: str) -> None:
    """Write the page to a file that is private and appears when it is complete."""
    from bulksend.cli.out_files import written_to

    try:
        with written_to(str(html)) as stream:
            stream.write(page.encode(errors="replace"))
    except UsageError as error:
        raise UsageError(error.what.replace("--out", "--html", 1), error.hint) from None
