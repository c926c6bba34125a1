"""What `send`, `resume` and `demo` do alike: own the ledger, ask, run, say what came of it."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click

from bulksend.base.clock import SystemClock
from bulksend.base.errors import ExitCode, LedgerError, UsageError
from bulksend.base.records import Status
from bulksend.cli.output import can_ask, say
from bulksend.cli.running import Interpose, RunOptions, exit_code, nothing_between, run_ledger
from bulksend.cli.summary import print_summary
from bulksend.cli.view import set_up_watch
from bulksend.config.model import Settings
from bulksend.config.snapshot import to_document
from bulksend.pipeline.plan import campaign_buckets
from bulksend.store.ledger import SqliteLedger
from bulksend.store.owner import OwnerLock
from bulksend.store.reading import ReadableLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a command runs a campaign.

    Attributes:
        yes: do not ask.
        as_json: print the summary as JSON.
        log_format: see `set_up_logs`.
        verbose: see `set_up_logs`.
        limit: rows in this run, at most.
        resend_unknown: send unknown rows again.
        keep_settings: the settings given hold from now on, and not for this run alone.
        credentials: for the simulator.
        interpose: see `RunOptions`.
    """

    yes: bool = False
    as_json: bool = False
    log_format: str = "auto"
    verbose: bool = False
    limit: int | None = None
    resend_unknown: bool = False
    keep_settings: bool = False
    credentials: tuple[str, str] | None = None
    interpose: Interpose = nothing_between


def require_consent(settings: Settings, manner: Manner) -> None:
    """Refuse, before anything is read, a real send that nobody could confirm."""
    if not (settings.campaign.dry_run or manner.yes or can_ask()):
        raise UsageError("nobody can be asked whether to send: this is not a terminal", "Add --yes, or --dry-run")


def ask_account(settings: Settings, manner: Manner) -> Settings:
    """Return `settings` with the limits that are the account's to tell, and say where the two differ."""
    set_up_watch(log_format=manner.log_format, verbose=manner.verbose)
    return _as_account_has_it(settings, manner)


def run_campaign(
    owner: OwnerLock, path: Path, settings: Settings, manner: Manner, *, known: Settings | None = None
) -> int:
    """Send what is pending in the ledger that `owner` has locked, print what came of it, return the exit code.

    `known`: what `ask_account` made of `settings`, if it was asked already.
    """
    clock = SystemClock()
    watch = set_up_watch(log_format=manner.log_format, verbose=manner.verbose)
    with SqliteLedger.open_for_writing(path, clock=clock, owner=owner) as ledger:
        with ledger.transaction():
            interrupted = ledger.recover()
            if manner.keep_settings:
                ledger.set_settings(to_document(settings))
        if interrupted:
            say([f"An earlier run died with {interrupted:,} rows on the wire or about to be: they are unknown."])
        if _left(ledger, manner):
            # The settings that are kept leave to the account what is the account's to tell; it may change its mind.
            settings = known or _as_account_has_it(settings, manner)
            with ledger.transaction():
                # How fast may have changed since the plan was made.
                ledger.set_mps({name: bucket.mps for name, bucket in campaign_buckets(settings).items()})
        pending = _consented(ledger, settings, manner)
        if pending is None:
            say([f"Nothing was sent. The plan is kept in {path}."])
            if manner.as_json:
                print_summary(path, ledger, as_json=True)
            return ExitCode.INTERRUPTED
    result = None
    if pending:
        options = RunOptions(limit=manner.limit, credentials=manner.credentials, interpose=manner.interpose)
        try:
            result = run_ledger(owner, settings, options, watch)
        except UsageError:
            if manner.resend_unknown:
                with SqliteLedger.open_for_writing(path, clock=clock, owner=owner) as unused, unused.transaction():
                    unused.withdraw_resends()
            raise
        except LedgerError:
            # It cannot be written any more. What it holds can be told all the same, if it can be read.
            with suppress(LedgerError, UsageError), ReadableLedger.open_for_reading(path) as left:
                print_summary(path, left, as_json=manner.as_json)
            raise
    # Opened for writing once more, so that the last one to close it is a writer, who takes its log away.
    with SqliteLedger.open_for_writing(path, clock=clock, owner=owner) as written:
        if manner.resend_unknown:
            with written.transaction():
                written.withdraw_resends()
        code = exit_code(result, written)
        try:
            print_summary(path, written, as_json=manner.as_json)
        except UsageError as error:
            say([f"bulksend: {error}"])  # what became of the campaign matters more than who was told
    if result is not None and result.cause is not None:
        raise result.cause
    return code


def _as_account_has_it(settings: Settings, manner: Manner) -> Settings:
    from bulksend.cli.accounts import resolve_and_check  # the SDK: not for a ledger in which nothing is left to send

    return resolve_and_check(settings, credentials=manner.credentials)


def _left(ledger: SqliteLedger, manner: Manner) -> int:
    """How many rows there are to send."""
    counts = ledger.counts()
    return counts.of(Status.PENDING) + (counts.of(Status.UNKNOWN) if manner.resend_unknown else 0)


def _consented(ledger: SqliteLedger, settings: Settings, manner: Manner) -> int | None:
    """Ask what has to be asked and return how many rows are pending then; None when the answer was no."""
    again = ledger.counts().of(Status.UNKNOWN) if manner.resend_unknown else 0
    pending = _left(ledger, manner)
    if again:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in ledger.reasons()[Status.UNKNOWN].items())
        risk = "" if settings.campaign.dry_run else ": each of these people may have got the message already"
        say([f"{again:,} rows are unknown ({reasons}){risk}."])
    if pending and not (settings.campaign.dry_run or manner.yes):
        count = min(pending, manner.limit or pending)
        among = f", up to {min(count, again):,} of them perhaps for the second time" if again else ""
        if not click.confirm(f"Send {count:,} messages now{among}?", err=True):
            return None
    if again:
        with ledger.transaction():
            ledger.resend_unknown()
    return pending
