"""Errors that a person has to act on: each says what is wrong, where, and what to do, and knows its exit code.

Outcomes of sends are not errors: they are values (`records.Outcome`). What is raised here ends a command.
"""

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process tells its caller; a contract (README, "Exit codes")."""

    COMPLETE = 0
    COMPLETE_WITH_FAILURES = 1
    USAGE = 2
    INTERRUPTED = 3
    STOPPED_BY_SERVICE = 4
    OUR_FAULT = 70


class BulksendError(Exception):
    """Something a person must know of, in one line, and what to do about it.

    Args:
        what: the fact, with the key, file, row or line it is about; no full phone number and no message text.
        hint: what to do, in the imperative and without a full stop; may be empty.
    """

    exit_code: ExitCode = ExitCode.OUR_FAULT

    def __init__(self, what: str, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.what}. {self.hint[0].upper()}{self.hint[1:]}." if self.hint else self.what

    def details(self) -> dict[str, object]:
        """What a program may want to know beside the words; empty: nothing."""
        return {}


class UsageError(BulksendError):
    """A command cannot do what it was asked: nothing was sent by it."""

    exit_code = ExitCode.USAGE


class CampaignChanged(UsageError):
    """A ledger holds another campaign than the one that a command describes.

    Args:
        ledger: name of the ledger.
        changed: keys of what differs, "input" for the input.
    """

    def __init__(self, ledger: str, changed: Sequence[str]) -> None:
        super().__init__(
            f"{ledger} holds another campaign: changed since are {', '.join(changed)}",
            "Undo the change, go on with `bulksend resume`, or name another ledger for a new campaign",
        )
        self.changed = tuple(changed)

    def details(self) -> dict[str, object]:
        """`changed`: the keys."""
        return {"changed": list(self.changed)}


class ConfigError(UsageError):
    """A setting is wrong; `what` begins with the file or variable and the key."""


class InputError(UsageError):
    """The input cannot be read as what it claims to be; `what` begins with the file and, where known, the line."""


class LedgerError(BulksendError):
    """The ledger cannot be used or written. Nothing more may be sent once this was raised."""

    exit_code = ExitCode.USAGE


class ServiceStop(BulksendError):
    """The service refused the whole campaign (spend limit, account, credentials); what was left stays pending."""

    exit_code = ExitCode.STOPPED_BY_SERVICE
