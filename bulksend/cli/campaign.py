"""What `send`, `resume` and `demo` do alike: ask, run, say what came of it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from bulksend.api.canary import Decide, Verdict
from bulksend.api.hooks import Hooks
from bulksend.api.run import Question
from bulksend.api.summary import CampaignStopped, Summary
from bulksend.base.errors import ExitCode, LedgerError, UsageError
from bulksend.cli.output import can_ask, is_watched, print_json, print_text, say
from bulksend.cli.running import Interpose, nothing_between, run_until_stopped, settle_down
from bulksend.cli.signals import as_while_asking
from bulksend.cli.view import set_up_watch
from bulksend.config.model import Settings
from bulksend.store.reading import ReadableLedger

Begin = Callable[[asyncio.Event, Hooks], Awaitable[Summary]]
"""Begins a run that stops when the event is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a command runs a campaign.

    Attributes:
        yes: do not ask.
        as_json: print the summary as JSON.
        log_format: see `set_up_logs`.
        verbose: see `set_up_logs`.
        interpose: see `Hooks`.
    """

    yes: bool = False
    as_json: bool = False
    log_format: str = "auto"
    verbose: bool = False
    interpose: Interpose = nothing_between

    @property
    def confirm(self) -> Callable[[Question], bool] | None:
        """Who is asked before messages go out."""
        return None if self.yes else _ask

    @property
    def decide(self) -> Decide | None:
        """Who is asked whether a campaign goes on although its canary did badly."""
        return None if self.yes or not can_ask() else _go_on_all_the_same


def require_consent(settings: Settings, manner: Manner) -> None:
    """Refuse, before anything is read, a real send that nobody could confirm."""
    if not (settings.campaign.dry_run or manner.yes or can_ask()):
        raise UsageError("nobody can be asked whether to send: this is not a terminal", "Add --yes, or --dry-run")


def run_campaign(name: str, path: Path, manner: Manner, begin: Begin) -> int:
    """Run what `begin` begins of the campaign `name` over its ledger, print what came of it, return the exit code."""
    watch = set_up_watch(log_format=manner.log_format, verbose=manner.verbose, campaign=name, ledger=path)
    hooks = Hooks(ready=settle_down, interpose=manner.interpose, watch=watch, attended=is_watched())

    async def run(stop: asyncio.Event) -> Summary:
        return await begin(stop, hooks)

    try:
        summary = run_until_stopped(run)
    except CampaignStopped as stopped:
        _print(stopped.summary, manner)
        raise
    except LedgerError as error:
        if error.exit_code != ExitCode.USAGE:  # messages went out
            # It cannot be written any more. What it holds can be told all the same, if it can be read.
            with suppress(LedgerError, UsageError), ReadableLedger.open_for_reading(path) as left:
                _print(Summary.of(left, path), manner)
        raise
    if summary.declined:
        say([f"Nothing was sent. The plan is kept in {path}."])
    if manner.as_json or not summary.declined:
        _print(summary, manner)
    return summary.exit_code


def _print(summary: Summary, manner: Manner) -> None:
    try:
        if manner.as_json:
            print_json(summary.document())
        else:
            print_text(summary.lines())
    except UsageError as error:
        say([f"bulksend: {error}"])  # what became of the campaign matters more than who was told


def _ask(question: Question) -> bool:
    if question.dry_run:
        return True
    among = f", up to {question.again:,} of them perhaps for the second time" if question.again else ""
    with as_while_asking():
        return click.confirm(f"Send {question.messages:,} messages now{among}?", err=True)


def _go_on_all_the_same(verdict: Verdict) -> bool:
    say([f"The canary: {verdict.figures}.", *(f"  {breach}" for breach in verdict.breaches)])
    with as_while_asking():
        return click.confirm("Go on all the same?", err=True)
