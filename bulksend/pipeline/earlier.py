"""Earlier campaigns: whom they reached, or may have reached, is left out of a plan."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from bulksend.base.errors import ConfigError, LedgerError, UsageError
from bulksend.base.keyed import KEY_BYTES, hashed_number, key_id
from bulksend.base.records import Status
from bulksend.config.model import Settings
from bulksend.store.files import real_path
from bulksend.store.forget import Forgotten, forgotten
from bulksend.store.numbers import MarkedNumbers
from bulksend.store.reached import reached
from bulksend.store.reading import ReadableLedger

NOT_IN = "recipients.not_in"

SUMMARY_KEY = "not_in"
"""Of a plan's summary: the earlier ledgers that it was made with."""


class EarlierLedgers:
    """The numbers to which messages were sent, or may have been, by the ledgers of earlier campaigns.

    That is every row that was sent, is being sent, or is unknown, and every one that was unknown before it was sent
    again. Rows that only failed, were skipped, or are still pending do not count. Numbers are kept in a temporary file;
    a context manager.

    Args:
        paths: of the ledgers; they may be in use.
        key: file with the key that numbers were hashed with in those of them that were forgotten; None: there is none.

    Raises:
        ConfigError: one of them cannot be read, belongs to a dry run, or was forgotten with another key or none.
    """

    def __init__(self, paths: Sequence[str], *, key: Path | None = None) -> None:
        self._paths = tuple(dict.fromkeys(real_path(Path(path)) for path in paths))
        alike = {path.name for path in self._paths if sum(path.name == each.name for each in self._paths) > 1}
        self._names = [str(path) if path.name in alike else path.name for path in self._paths]
        self._key = None if key is None else _read_key(key)
        self._hashes: MarkedNumbers | None = None
        self._notes: list[str] = []
        with ExitStack() as stack:
            self._numbers = stack.enter_context(MarkedNumbers())
            for mark, path in enumerate(self._paths):
                try:
                    self._read(path, mark, stack)
                except LedgerError as error:
                    raise ConfigError(f"{NOT_IN}: {error.what}", error.hint) from None
            self._cleanup = stack.pop_all()

    @property
    def notes(self) -> tuple[str, ...]:
        """What is worth knowing of them, in sentences."""
        return tuple(self._notes)

    def who_reached(self, number: str) -> str | None:
        """The name of the ledger, the first one named, that has a message to `number` (E.164); None: none has."""
        mark = self._numbers.mark_of(number)
        if mark is None and self._hashes is not None and self._key is not None:
            mark = self._hashes.mark_of(hashed_number(self._key, number))
        return None if mark is None else self._names[mark]

    def _read(self, path: Path, mark: int, stack: ExitStack) -> None:
        with ReadableLedger.open_for_reading(path) as ledger:
            campaign = ledger.campaign.get("campaign")
            pending = ledger.counts().of(Status.PENDING)
        if isinstance(campaign, Mapping) and campaign.get("dry_run"):
            raise ConfigError(f"{NOT_IN}: {path} is the ledger of a dry run, which texted nobody", "Leave it out")
        kept = self._numbers
        if (was := forgotten(path)) is not None:
            self._require_key(path, was)
            kept = self._hashes = self._hashes or stack.enter_context(MarkedNumbers(hashed=True))
        for numbers in reached(path):
            kept.add_all(numbers, mark)
        if pending:
            rows = "1 row" if pending == 1 else f"{pending:,} rows"
            self._notes.append(
                f"{self._names[mark]} has {rows} pending: whom it has yet to text is not left out of this campaign."
            )

    def _require_key(self, path: Path, was: Forgotten) -> None:
        what = f"{NOT_IN}: {path} was forgotten on {was.at:%Y-%m-%d}"
        if was.key_id is None:
            raise ConfigError(f"{what}, and its key thrown away: nobody can tell whom it reached", "Leave it out")
        if self._key is None:
            raise ConfigError(what, "Add --not-in-key with the file of the key that it was forgotten with")
        if key_id(self._key) != was.key_id:
            raise ConfigError(f"{what} with another key", "Give --not-in-key the file of that one")

    def close(self) -> None:
        """Forget all numbers."""
        self._cleanup.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _read_key(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            key = opened.read(KEY_BYTES + 1)
    except OSError as error:
        raise UsageError(f"--not-in-key {file}: cannot be read: {error.strerror}", "Correct the path") from None
    if len(key) != KEY_BYTES:
        raise UsageError(f"--not-in-key {file}: this is no key of {KEY_BYTES} bytes", "Name another file")
    return key


def with_earlier(settings: Settings, ledgers: Sequence[Path]) -> Settings:
    """Return `settings` with more earlier ledgers, relative to the working directory; those it names already stay."""
    recipients = settings.recipients
    paths = dict.fromkeys((*recipients.not_in, *(str(path.absolute()) for path in ledgers)))
    return replace(settings, recipients=replace(recipients, not_in=tuple(paths)))


def refuse_itself(settings: Settings, ledger: Path) -> None:
    """Raise `ConfigError` where the ledger of a campaign is named as an earlier one."""
    for name in settings.recipients.not_in:
        if real_path(Path(name)) == real_path(ledger):
            raise ConfigError(
                f"{NOT_IN}: {name} is the ledger of this very campaign",
                "Leave it out: a campaign never sends a row twice by itself",
            )


def unknown_before(settings: Settings, summary: Mapping[str, object]) -> list[str]:
    """The key of the earlier ledgers, where `settings` name one that a plan with that `summary` did not know of."""
    planned = summary.get(SUMMARY_KEY)
    known = set(planned) if isinstance(planned, list) else set()
    return [] if known.issuperset(real_names(settings)) else [NOT_IN]


def real_names(settings: Settings) -> list[str]:
    """The earlier ledgers that `settings` name, without symbolic links, as a plan's summary keeps them."""
    return [str(real_path(Path(name))) for name in settings.recipients.not_in]
