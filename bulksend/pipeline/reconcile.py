"""Reconciling: files of delivery events in, unknown rows settled and deliveries recorded."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from bulksend.base.errors import InputError, UsageError
from bulksend.base.records import DeliveryEvent, Status
from bulksend.config.snapshot import from_document
from bulksend.intake.place import Place
from bulksend.intake.source import STANDARD_INPUT, ByteSource, open_source
from bulksend.store.deliveries import DeliveryFigures, DeliveryLedger
from bulksend.track import Other, Unreadable, read_events

BATCH_EVENTS = 5_000
"""As many as memory takes easily: events come in no order, and pages that several of them change are written once."""

SHOWN_CHARACTERS = 100
"""Of a name that cannot be one."""

NAMED_ROWS = 10
"""How many of the rows that were billed otherwise than counted are named."""


@dataclass(frozen=True, slots=True)
class EventFile:
    """A file of delivery events.

    Attributes:
        name: what people know it by; "-" for standard input.
        path: where it is, if that is another place than its name says; None: the name is the path.
    """

    name: str
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class UnreadablePlaces:
    """What could not be read in one file.

    Attributes:
        file: its name.
        count: how many places.
        line: the first of them.
        cause: what is wrong there; quotes nothing.
    """

    file: str
    count: int
    line: int
    cause: str


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What came of reconciling.

    Attributes:
        campaign: name of the campaign.
        files: files read.
        events: delivery events of text messages in them, repeated ones counted each time.
        others: records of something else.
        foreign: of `events`, those that belong to no row of this ledger.
        unreadable: what could not be read, by file.
        interrupted: rows that became `unknown` before anything was read, as the process that sent them had died.
        settled: rows that became `sent`, by what they were before.
        unknown: rows that are still `unknown`.
        figures: what the ledger knows of deliveries now.
    """

    campaign: str
    files: int
    events: int
    others: int
    foreign: int
    unreadable: tuple[UnreadablePlaces, ...]
    interrupted: int
    settled: Mapping[Status, int]
    unknown: int
    figures: DeliveryFigures


def event_files(names: Iterable[str]) -> list[EventFile]:
    """Return the files that `names` mean: each itself, or all files below it where it is a directory, sorted.

    Files and directories whose names begin with a dot are left out of directories.

    Raises:
        InputError: a directory has no file, cannot be read, or a name is empty or none.
    """
    files: list[EventFile] = []
    for name in names:
        if not name:
            # Python would take it for the current directory.
            raise InputError("the name of one of the event files is empty", "Give a file, a directory, or -")
        try:
            files += _named_files(name)
        except (OSError, ValueError) as error:
            cause = getattr(error, "strerror", None) or error
            raise InputError(f"{_shortened(name)}: it cannot be opened ({cause})", "Check the path") from None
    return files


def _named_files(name: str) -> list[EventFile]:
    folder = Path(name)
    if name == STANDARD_INPUT or not folder.is_dir():
        return [EventFile(name)]
    found = sorted(path for path in folder.rglob("*") if path.is_file() and not _is_hidden(path, folder))
    if not found:
        raise InputError(f"{name}: there is no file in this directory", "Check the path")
    return [EventFile(str(path)) for path in found]


def _shortened(name: str) -> str:
    return f"{name[:SHOWN_CHARACTERS]}..." if len(name) > SHOWN_CHARACTERS else name


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def reconcile(
    ledger: DeliveryLedger,
    files: Sequence[EventFile],
    *,
    stdin: BinaryIO | None = None,
    batch_events: int = BATCH_EVENTS,
) -> Reconciliation:
    """Settle the rows of `ledger` that the events in `files` prove sent, and record what became of the messages.

    Every file is opened once before anything is written. An error later on leaves what was read until then in the
    ledger; to run it again, with the same files or more, is always safe.

    Args:
        ledger: open for writing.
        files: in any order.
        stdin: what "-" means; None for the process's own standard input.
        batch_events: events put into the ledger in one transaction.

    Raises:
        InputError: a file cannot be read, or is compressed and damaged; or there is nothing but unreadable data.
        LedgerError: the ledger cannot be written.
        UsageError: the ledger is of a rehearsal.
    """
    campaign = from_document(ledger.campaign).campaign
    if campaign.dry_run:
        raise UsageError(
            f"{ledger.path} is of a rehearsal (DryRun): none of its messages was sent", "Give the ledger of a real send"
        )
    reading = _Reading(files, stdin)
    try:
        batches = reading.batches(batch_events)
        batch = next(batches, [])
        with ledger.transaction():
            interrupted = ledger.begin(campaign=campaign.name)
        settled: Counter[Status] = Counter()
        while batch:
            with ledger.transaction():
                settled.update(ledger.add(batch))
            batch = []  # not kept while the next one is read
            batch = next(batches, [])
        with ledger.transaction():
            foreign = ledger.finish()
    finally:
        reading.close()
    return Reconciliation(
        campaign=campaign.name,
        files=len(files),
        events=reading.events,
        others=reading.others,
        foreign=foreign,
        unreadable=tuple(reading.unreadable),
        interrupted=interrupted,
        settled=dict(settled),
        unknown=ledger.counts().of(Status.UNKNOWN),
        figures=ledger.figures(first=NAMED_ROWS),
    )


@dataclass(slots=True)
class _Opened:
    """A file that was found readable, and its source where it can be read only once."""

    file: EventFile
    source: ByteSource | None = field(default=None, repr=False)


class _Reading:
    """All the files, read one after another, and what was found in them so far."""

    def __init__(self, files: Sequence[EventFile], stdin: BinaryIO | None) -> None:
        self._stdin = stdin
        self._opened: list[_Opened] = []
        self.events = 0
        self.others = 0
        self.unreadable: list[UnreadablePlaces] = []
        try:
            for file in files:
                self._opened.append(self._check(file))
        except BaseException:
            self.close()
            raise

    def batches(self, size: int) -> Iterator[list[DeliveryEvent]]:
        """Yield the events, `size` at a time; raises `InputError`, after those before, where it cannot go on."""
        batch: list[DeliveryEvent] = []
        failure: InputError | None = None
        try:
            for opened in self._opened:
                for event in self._events(opened):
                    batch.append(event)
                    if len(batch) == size:
                        yield batch
                        batch = []
        except InputError as error:
            failure = error
        if batch:
            yield batch
        if failure is not None:
            raise failure
        if self.unreadable and not (self.events or self.others):
            first = self.unreadable[0]
            files = "the file" if len(self._opened) == 1 else f"the {len(self._opened):,} files"
            raise InputError(
                f"{first.file}, line {first.line}: {first.cause}, and nothing else in {files} is a delivery event",
                "Give the files that an event destination of the service wrote, as JSON",
            )

    def close(self) -> None:
        """Close what is open."""
        for opened in self._opened:
            if opened.source is not None:
                opened.source.close()

    def _check(self, file: EventFile) -> _Opened:
        source = self._open(file)
        if file.path is None and (file.name == STANDARD_INPUT or not Path(file.name).is_file()):
            return _Opened(file, source)
        source.close()
        return _Opened(file)

    def _open(self, file: EventFile) -> ByteSource:
        return open_source(Place(file.name), path=file.path, stdin=self._stdin, may_be_empty=True)

    def _events(self, opened: _Opened) -> Iterator[DeliveryEvent]:
        name = "standard input" if opened.file == EventFile(STANDARD_INPUT) else opened.file.name
        count, first = 0, Unreadable(0, "")
        source = opened.source = opened.source or self._open(opened.file)
        for found in read_events(source):
            match found:
                case DeliveryEvent():
                    self.events += 1
                    yield found
                case Other():
                    self.others += 1
                case Unreadable():
                    first = first if count else found
                    count += 1
        source.close()
        opened.source = None
        if count:
            self.unreadable.append(UnreadablePlaces(name, count, first.line, first.cause))
