"""Options that several commands share."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def examples(*pairs: tuple[str, str], after: str = "") -> str:
    """The end of a help page: numbered examples, each what it is for and the command; then `after`, wrapped."""
    lines = ["\b", "Examples:"]
    for number, (purpose, command) in enumerate(pairs, start=1):
        lines += [f"  {number}. {purpose}:", *(f"       {line}" for line in command.splitlines())]
    return "\n".join(lines) + (f"\n\n{after}" if after else "")


def _together(*options: Callable[[F], F]) -> Callable[[F], F]:
    def apply(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return apply


def campaign_options(command: F) -> F:
    """--config and --set: where the settings come from."""
    return _together(
        click.option(
            "-c",
            "--config",
            "config",
            type=click.Path(path_type=Path, dir_okay=False),
            envvar="BULKSEND_CONFIG",
            help="The campaign's settings, TOML (config/bulksend.toml shows every key).  [env: BULKSEND_CONFIG]",
        ),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            help="One setting, over file and environment, such as campaign.dry_run=true; can be repeated.",
        ),
    )(command)


def json_option(command: F) -> F:
    """--json: one JSON object on standard output."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")(command)


def aws_options(command: F) -> F:
    """--endpoint-url, --region, --profile: as in every AWS tool."""
    return _together(
        click.option(
            "--endpoint-url",
            metavar="URL",
            help="Send to this endpoint.  [else: aws.endpoint_url, AWS_ENDPOINT_URL_PINPOINT_SMS_VOICE_V2]",
        ),
        click.option("--region", metavar="NAME", help="AWS region.  [else: aws.region, AWS_REGION, the profile's]"),
        click.option("--profile", metavar="NAME", help="Profile of ~/.aws/config.  [else: aws.profile, AWS_PROFILE]"),
    )(command)


def log_options(command: F) -> F:
    """--log-format and -v."""
    return _together(
        click.option(
            "--log-format",
            type=click.Choice(["auto", "console", "json"]),
            default="auto",
            show_default=True,
            envvar="BULKSEND_LOG_FORMAT",
            help="Log lines on standard error; auto: console on a terminal, else json.  [env: BULKSEND_LOG_FORMAT]",
        ),
        click.option(
            "-v", "--verbose", is_flag=True, help="Log every claim and every message that was not accepted too."
        ),
    )(command)


def run_options(command: F) -> F:
    """--yes and --limit: how far a run may go."""
    return _together(
        click.option("-y", "--yes", is_flag=True, help="Send without asking; needed where nobody can be asked."),
        click.option(
            "--limit",
            type=click.IntRange(min=1),
            metavar="N",
            help="Send at most N rows in this run and leave the rest pending.",
        ),
    )(command)


def with_flags(overrides: tuple[str, ...], flags: Mapping[str, object]) -> list[str]:
    """The overrides of --set, followed by those of named flags that were given."""
    given = [
        f"{key}={str(value).lower() if isinstance(value, bool) else value}" for key, value in flags.items() if value
    ]
    return [*overrides, *given]
