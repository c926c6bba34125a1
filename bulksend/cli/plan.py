"""`bulksend plan`."""

import os
import tempfile
from pathlib import Path

import click

from bulksend.cli.options import campaign_options, examples, json_option
from bulksend.cli.output import print_json, print_text, standard_input

EPILOG = examples(
    ("See what a campaign would do", "bulksend plan list.csv --config bulksend.toml"),
    ("From another program's output", "./recipients.sh | bulksend plan - --config bulksend.toml"),
    ("For a script", "bulksend plan list.jsonl.gz --config bulksend.toml --json"),
    (
        "With another text, not saved",
        'bulksend plan list.csv -c bulksend.toml \\\n  --set "campaign.template=Hi {{ name }}"',
    ),
)


@click.command(epilog=EPILOG)
@click.argument("input_name", metavar="INPUT")
@campaign_options
@json_option
def plan(input_name: str, config: Path | None, overrides: tuple[str, ...], *, as_json: bool) -> int:
    """Check everything about a campaign; send nothing and open no connection.

    INPUT is a CSV or JSONL file (.csv, .jsonl, .ndjson, each also .gz or .zst), or - for standard input. Every row is
    read, composed, counted, checked and routed exactly as `send` would do it. Tells how long each bucket takes, which
    is the slowest, what another identity would change, and where carriers may filter a text for coming from many
    numbers.
    """
    from bulksend.base.clock import SystemClock
    from bulksend.config.load import load_settings
    from bulksend.pipeline.plan import make_plan
    from bulksend.report.planned import plan_document, plan_lines

    settings = load_settings(config, environ=os.environ, overrides=overrides)
    with tempfile.TemporaryDirectory(prefix="bulksend-") as folder:
        made = make_plan(settings, input_name, Path(folder) / "plan.db", clock=SystemClock(), stdin=standard_input())
    if as_json:
        print_json(plan_document(settings, made))
    else:
        print_text(plan_lines(settings, made))
    return 0
