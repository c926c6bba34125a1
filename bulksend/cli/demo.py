"""`bulksend demo`."""

from pathlib import Path

import click

from bulksend.cli.options import examples, json_option, log_options

EPILOG = examples(
    ("See it work", "bulksend demo"),
    ("Keep the ledger elsewhere", "bulksend demo --ledger /tmp/demo.db"),
    ("For a script", "bulksend demo --json 2>/dev/null"),
)


@click.command(epilog=EPILOG)
@click.option(
    "--ledger",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to leave the ledger.  [default: demo.db here, or demo-2.db, ...]",
)
@log_options
@json_option
def demo(ledger: Path | None, log_format: str, *, verbose: bool, as_json: bool) -> int:
    """Send a sample list on this machine alone: no AWS account, no network, about 20 seconds.

    Starts the simulator on loopback and sends a few hundred messages through it by the same code and over the same
    HTTP as a real campaign, at the limits of real numbers; then shows what the simulator saw.
    """
    from bulksend.api import sending
    from bulksend.api.campaign import Campaign
    from bulksend.api.notices import Notice, Planned
    from bulksend.cli.campaign import Manner, run_campaign
    from bulksend.cli.demonstrating import compare, free_name, running_simulator
    from bulksend.cli.notices import say_notice
    from bulksend.cli.output import print_text, say
    from bulksend.cli.samples import sample

    path = ledger or free_name(Path("demo.db"))

    def show(notice: Notice) -> None:
        if isinstance(notice, Planned):
            say(["The simulator is running; here is the plan.", ""])
        say_notice(notice)
        if isinstance(notice, Planned):
            say([""])

    with running_simulator(sample("demo/simulator.toml")) as simulator:
        # Of the environment nothing is taken: the demo is the same everywhere, and never leaves this machine.
        campaign = Campaign.load(
            sample("demo/campaign.toml"),
            overrides=[f"aws.endpoint_url={simulator.url}", "aws.check_identities=false"],
            credentials=("demo", "demo"),
        )
        recipients = sample("demo/recipients.csv")
        code = run_campaign(
            campaign.settings.campaign.name,
            path,
            Manner(yes=True, as_json=as_json, log_format=log_format, verbose=verbose),
            lambda stop, hooks: sending.send(campaign, recipients, ledger=path, stop=stop, on_notice=show, hooks=hooks),
        )
        lines = compare(simulator.stats(), path)
    (say if as_json else print_text)(["", *lines])
    # Failed rows are part of the show: one recipient has opted out, as the plan cannot know.
    return 0 if code in (0, 1) else code
