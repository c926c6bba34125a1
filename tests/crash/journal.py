"""What a run did, noted as it happens in a file that survives the run's sudden end."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Word(StrEnum):
    """What happened to an attempt at a row."""

    INTENT = "intent"  # is on disk
    RELEASED = "released"  # may be on the wire from here on
    ANSWERED = "answered"  # what became of it is known; detail: kind of the outcome
    SETTLED = "settled"  # the outcome is on disk; detail: status
    POSTPONED = "postponed"  # the intent is withdrawn, on disk; detail: whether the attempt counts
    RETURNED = "returned"  # is back in the ledger, on disk


UNTRIED = "untried"
"""Detail of a postponement whose attempt does not count, so that the next one has the same number."""


class JournalWriter:
    """Appends to the journal at `path`; each note is with the system when `note` returns."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def note(self, word: Word, row: int, attempt: int = 0, detail: str = "-") -> None:
        """Note what happened to attempt `attempt` at `row`."""
        os.write(self._descriptor, f"{time.monotonic():.6f} {word} {row} {attempt} {detail}\n".encode())


@dataclass(frozen=True, slots=True)
class Note:
    """A line of the journal; `at` in monotonic seconds."""

    at: float
    word: Word
    row: int
    attempt: int
    detail: str


def read_journal(path: Path) -> Iterator[Note]:
    """All notes, in order; none where the run did not come so far as to make one."""
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        at, word, row, attempt, detail = line.split(maxsplit=4)
        yield Note(float(at), Word(word), int(row), int(attempt), detail)


@dataclass(frozen=True, slots=True)
class Latency:
    """An answer to row `row` came at `at`, `seconds` after its release."""

    at: float
    row: int
    seconds: float


@dataclass(slots=True)
class Doings:
    """What one run did, from its journal; it checks the order in which it did it.

    Attributes:
        settled: row -> status that the ledger confirmed.
        released: row -> moment at which its latest attempt was let onto the wire.
        answered: rows whose latest attempt has its answer.
        answers: answers that tell of the service's latency, as they came.
    """

    settled: dict[int, str] = field(default_factory=dict)
    released: dict[int, float] = field(default_factory=dict)
    answered: set[int] = field(default_factory=set)
    answers: list[Latency] = field(default_factory=list)


def doings(path: Path) -> Doings:
    """Replay the journal at `path`. Raises `AssertionError` when something was done before it was allowed."""
    run = Doings()
    intents: dict[int, int] = {}
    for note in read_journal(path):
        row = note.row
        match note.word:
            case Word.INTENT:
                assert row not in run.settled, f"row {row} was claimed after it was settled"
                assert row not in intents, f"row {row} was claimed twice"
                intents[row] = note.attempt
                run.released.pop(row, None)
                run.answered.discard(row)
            case Word.RELEASED:
                assert intents.get(row) == note.attempt, f"row {row} went out before its intent was on disk"
                assert row not in run.released, f"row {row} went out twice in one attempt"
                run.released[row] = note.at
            case Word.ANSWERED:
                run.answered.add(row)
                if row in run.released and note.detail not in ("not_sent", "unknown"):
                    run.answers.append(Latency(note.at, row, note.at - run.released[row]))
            case Word.SETTLED:
                assert row in run.answered or note.detail == "unknown", f"row {row} was settled without an answer"
                run.settled[row] = note.detail
            case Word.POSTPONED | Word.RETURNED:
                assert note.detail != UNTRIED or row not in run.released, f"row {row} went out and does not count"
                intents.pop(row, None)
    return run
