"""Options that several commands share."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from bulksend.cli.completing import complete_settings, complete_toml

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
            shell_complete=complete_toml,
            help="The campaign's settings, TOML (config/bulksend.toml shows every key).  [env: BULKSEND_CONFIG]",
        ),
        click.option(
            "--set",
            "overrides",
            multiple=True,
            metavar="KEY=VALUE",
            shell_complete=complete_settings,
            help="One setting, over file and environment, such as campaign.dry_run=true; can be repeated.",
        ),
    )(command)


def not_in_options(command: F) -> F:
    """--not-in and --not-in-key: whom earlier campaigns reached."""
    return _together(
        click.option(
            "--not-in",
            "not_in",
            type=click.Path(path_type=Path, dir_okay=False),
            multiple=True,
            metavar="LEDGER",
            help="Leave out whom the campaign in this ledger reached, or may have; can be repeated."
            "  [besides recipients.not_in]",
        ),
        click.option(
            "--not-in-key",
            "not_in_key",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE",
            help="The key of such ledgers that were forgotten (`bulksend forget --key`).",
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
    """--yes, --limit and --canary: how far a run may go; --metrics-port: who else is told how it goes."""
    return _together(
        click.option("-y", "--yes", is_flag=True, help="Send without asking; needed where nobody can be asked."),
        click.option(
            "--limit",
            type=click.IntRange(min=1),
            metavar="N",
            help="Send at most N rows in this run and leave the rest pending.  [default: all]",
        ),
        click.option(
            "--canary",
            type=click.IntRange(0, 100_000),
            metavar="N",
            help="Send N spread over countries, buckets and encodings first, and the rest if they keep to the limits of"
            " [canary]; 0: none.  [else: canary.messages]",
        ),
        click.option(
            "--metrics-port",
            type=click.IntRange(0, 65_535),
            metavar="PORT",
            envvar="BULKSEND_METRICS_PORT",
            help="Answer Prometheus and probes there: /metrics, /healthz, /readyz; 0: nowhere."
            "  [else: telemetry.metrics_port; env: BULKSEND_METRICS_PORT]",
        ),
    )(command)


def with_flags(overrides: tuple[str, ...], flags: Mapping[str, object]) -> list[str]:
    """The overrides of --set, followed by those of named flags that were given."""
    given = [
        f"{key}={str(value).lower() if isinstance(value, bool) else value}"
        for key, value in flags.items()
        if value is not None and value is not False and value != ""  # 0 is a value
    ]
    return [*overrides, *given]
