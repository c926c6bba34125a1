"""The `bulksend` command: finds the subcommand, and turns every error into one line and an exit code."""

import importlib
import os
import signal
from collections.abc import Mapping, Sequence
from itertools import takewhile
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from bulksend import __version__
from bulksend.base.errors import BulksendError, ExitCode, UsageError
from bulksend.cli.options import examples
from bulksend.cli.output import begin_output, print_error_json, say

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "demo": "Everything on one machine: simulator, sample list, ledger, summary.",
        "identities": "List what the account can send from, as configuration.",
        "optouts": "Read who has opted out in the account, as a suppression file.",
        "plan": "Check a whole list, send nothing, open no connection.",
        "rehearse": "Try a campaign out: at the simulator, or at the service with DryRun.",
        "send": "Plan a campaign, or go on with it, then send.",
        "resume": "Go on with a campaign; needs no input file.",
        "pause": "Let nothing more of a running campaign out, until it is resumed.",
        "rate": "Turn a running campaign down, or up again.",
        "status": "Counts, rate and time left, by bucket.",
        "export": "Results, one record a row, in input order.",
        "report": "One HTML page with charts that explains the campaign.",
        "reconcile": "Settle unknown rows and add delivery results, from events.",
        "feedback": "Tell the service which messages were received.",
        "forget": "Remove texts, numbers and the list's columns from a ledger.",
        "parts": "Encoding and parts of a text, and what forces UCS-2.",
        "simulate": "Run the local stand-in for the service.",
        "completion": "Have bash, zsh or fish complete all of this.",
    }
)
"""Every command with its one line of help. Kept here so that `--help` need not load what the commands need."""

EPILOG = examples(
    ("See it work, with no AWS account", "bulksend demo"),
    ("Check a list", "bulksend plan list.csv --config bulksend.toml"),
    ("Send it", "bulksend send list.csv --config bulksend.toml --ledger sale.db"),
    ("Look at the failures", "bulksend export sale.db --format csv --status failed"),
    after=(
        "Exit codes: 0 complete; 1 complete, with failed or unknown rows; 2 usage, configuration or input error,"
        " nothing sent; 3 interrupted, work left; 4 stopped by the service, work left; 70 a fault of ours.\n\n"
        "Environment: BULKSEND_CONFIG, BULKSEND_LEDGER, BULKSEND_METRICS_PORT and BULKSEND_LOG_FORMAT stand in for the"
        " options of those names; BULKSEND_LOG_LEVEL is debug, info, warning or error; BULKSEND_<SECTION>_<KEY>, such"
        " as BULKSEND_AWS_REGION, is any setting; AWS_PROFILE, AWS_REGION and the like are those of every AWS tool."
    ),
)


class LazyGroup(click.Group):
    """Loads a command's module when it is called, and not to show the list of commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order in which a campaign goes."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command `cmd_name`."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        command = getattr(importlib.import_module(f"bulksend.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)  # noqa: S101 - a module of ours, named after its command
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete the names of commands, without loading them, and options."""
        from click.shell_completion import CompletionItem

        found = [CompletionItem(name, help=told) for name, told in COMMANDS.items() if name.startswith(incomplete)]
        return found + click.Command.shell_complete(self, ctx, incomplete)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without loading them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="bulksend")
def app() -> None:
    """Bulk SMS through AWS End User Messaging: a list in, every message out at the limit, a ledger of every row."""


def run(arguments: Sequence[str], *, interpose: object = None) -> int:
    """Run one command line and return its exit code. Never raises.

    With --json exactly one JSON object is printed: that of the command, or the error where it printed none.

    `interpose`: an `Interpose` of `api.hooks` for whatever run the command starts; None: nothing between.
    """
    # Until sending begins, and takes signals over, these are to clean up like Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # as nohup has it
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    begin_output()
    try:
        result: Any = app.main(args=list(arguments), prog_name="bulksend", standalone_mode=False, obj=interpose)
    except click.exceptions.Exit as exit_request:
        return exit_request.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        say([error.format_message()])
        return ExitCode.USAGE
    except (Exception, KeyboardInterrupt) as error:
        cause = _told(error)
        if "--json" in takewhile(lambda argument: argument != "--", arguments):
            print_error_json(cause)
        say([f"bulksend: error: {cause}"])
        return cause.exit_code
    return int(result or 0)


def _told(error: BaseException) -> BulksendError:
    """What ended a command, as an error that says it in one line."""
    match error:
        case BulksendError():
            return error
        case click.Abort() | KeyboardInterrupt():
            interruption = BulksendError("interrupted")
            interruption.exit_code = ExitCode.INTERRUPTED
            return interruption
        case click.ClickException():
            context = getattr(error, "ctx", None)
            command = context.command_path if context else "bulksend"
            return UsageError(" ".join(error.format_message().split()).rstrip(".?"), f"see `{command} --help`")
        case _:
            if os.environ.get("BULKSEND_LOG_LEVEL", "").lower() == "debug":
                from bulksend.cli.tracebacks import anonymous_traceback

                say(anonymous_traceback(error))
            hint = "please report it with the traceback that BULKSEND_LOG_LEVEL=debug shows"
            return BulksendError(f"a fault of ours: {type(error).__name__}", hint)
