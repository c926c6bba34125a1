"""`bulksend identities`."""

import os
from pathlib import Path

import click

from bulksend.cli.options import aws_options, campaign_options, examples, json_option, with_flags
from bulksend.cli.output import print_json, print_text, say

EPILOG = examples(
    ("See what you can send from", "bulksend identities --region us-east-1"),
    ("Begin a configuration", "bulksend identities >> bulksend.toml"),
    ("For a script", "bulksend identities --json"),
    ("What the simulator has", "bulksend identities --endpoint-url http://127.0.0.1:8765"),
    after=(
        "It needs the permissions sms-voice:DescribePhoneNumbers, DescribeSenderIds, DescribePools and"
        " ListPoolOriginationIdentities, and changes nothing."
    ),
)


@click.command(epilog=EPILOG)
@campaign_options
@aws_options
@json_option
def identities(
    config: Path | None,
    overrides: tuple[str, ...],
    endpoint_url: str | None,
    region: str | None,
    profile: str | None,
    *,
    as_json: bool,
) -> int:
    """List numbers, sender ids and pools of the account, as configuration ready to use.

    Their limits (message parts per second) are what the account states, and where it states none what AWS documents.
    The service is asked once a second: six times, once more for each pool, and for every further 100 of a kind. Of a
    configuration only [aws] is used.
    """
    import asyncio

    from bulksend.base.account import EVERYTHING, Account, AccountUnreadable
    from bulksend.base.clock import SystemClock
    from bulksend.cli.accounts import account_reader, explained
    from bulksend.cli.running import loop_factory
    from bulksend.config.load import load_settings
    from bulksend.origin.discovery import discovered
    from bulksend.report.account import account_document, configuration_lines

    flags = {"aws.endpoint_url": endpoint_url, "aws.region": region, "aws.profile": profile}
    settings = load_settings(config, environ=os.environ, overrides=with_flags(overrides, flags), complete=False)

    async def read() -> tuple[Account, str]:
        async with account_reader(settings.aws) as (reader, found_in):
            say([f"Reading the account in {found_in}, one request a second."])
            return await reader.read(EVERYTHING), found_in

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            account, found_region = runner.run(read())
        except AccountUnreadable as error:
            raise explained(error) from None
    read_at = SystemClock().now()
    found = discovered(account)
    if as_json:
        print_json(account_document(found, region=found_region, read_at=read_at, requests=account.requests))
    else:
        print_text(configuration_lines(found, region=found_region, read_at=read_at))
    return 0
