import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from bulksend.base.errors import InputError, LedgerError
from bulksend.store.feedback import FeedbackLedger, FeedbackRecorder, Match, Said, Todo
from bulksend.store.ledger import SqliteLedger
from bulksend.store.owner import OwnerLock
from tests.unit.store.helpers import START, StandingClock, failed, pending, sent, skipped, write_plan


@pytest.fixture
def book(path: Path, clock: StandingClock) -> Iterator[FeedbackLedger]:
    """Rows 1 to 4 and 9 are sent (m-1 ...), 5 failed, 6 is pending, 7 skipped; 9 is to the number of row 1 again."""
    rows = [*(pending(row) for row in range(1, 7)), skipped(7), pending(8), replace(pending(1), row=9, line=10)]
    write_plan(path, rows, clock=clock)
    with SqliteLedger.open_for_writing(path, clock=clock) as ledger, ledger.transaction():
        claimed = [claim.row for claim in ledger.claim("toll-free", parts=100, rows=100)]
        for row in (1, 2, 3, 4, 9):
            ledger.settle(sent(row))
        ledger.settle(failed(5))
        ledger.give_back([row for row in claimed if row in (6, 8)])
    with FeedbackLedger.open_for_writing(path, clock=clock) as opened:
        yield opened


def todo(book: FeedbackLedger) -> list[tuple[str, str]]:
    """What is to do, in order."""
    return [(each.message_id, each.feedback) for each in book.todo(after=0, limit=100)]


def test_messages_are_found_by_id_row_and_number(book: FeedbackLedger) -> None:
    """Each of the three names the same messages; the order is the file's."""
    match = book.match(
        [
            Said(2, "RECEIVED", row=4),
            Said(3, "FAILED", destination="+14255550002"),
            Said(4, "RECEIVED", message_id="m-9"),
            Said(5, "RECEIVED", message_id="m-1"),
        ]
    )
    assert match == Match(4, 0, None, 0, 0, 4, None, None)
    assert todo(book) == [("m-4", "RECEIVED"), ("m-2", "FAILED"), ("m-9", "RECEIVED"), ("m-1", "RECEIVED")]
    assert [each.message_id for each in book.todo(after=1, limit=2)] == ["m-2", "m-9"]


def test_what_is_not_sent_is_left_out(book: FeedbackLedger) -> None:
    """Failed, pending, skipped and unknown to the ledger; the first of them is named by its line."""
    match = book.match(
        [
            Said(2, "RECEIVED", row=1),
            *(Said(row, "RECEIVED", row=row) for row in (5, 6, 7, 70)),
            Said(80, "RECEIVED", message_id="other"),
            Said(81, "RECEIVED", destination="+14255550006"),
            Said(82, "RECEIVED", destination="+14255559999"),
        ]
    )
    assert (match.rows, match.not_sent, match.first_not_sent_line, match.todo) == (8, 7, 5, 1)


def test_saying_the_same_twice_is_doing_it_once(book: FeedbackLedger) -> None:
    """By whatever name."""
    match = book.match(
        [
            Said(2, "RECEIVED", row=2),
            Said(3, "RECEIVED", message_id="m-2"),
            Said(4, "RECEIVED", destination="+14255550002"),
        ]
    )
    assert (match.rows, match.repeated, match.todo, match.contradiction) == (3, 2, 1, None)
    assert todo(book) == [("m-2", "RECEIVED")]


@pytest.mark.parametrize(
    "other",
    [
        Said(9, "FAILED", message_id="m-2"),
        Said(9, "FAILED", row=2),
        Said(9, "FAILED", destination="+14255550002"),
    ],
)
def test_saying_different_things_is_found(book: FeedbackLedger, other: Said) -> None:
    """By whatever name; the lines of the first two are told."""
    match = book.match([Said(2, "RECEIVED", row=1), Said(3, "RECEIVED", row=2), Said(4, "RECEIVED", row=2), other])
    assert match.contradiction == (3, 9)


def test_saying_different_things_of_what_is_not_sent_is_found_too(book: FeedbackLedger) -> None:
    """A file that contradicts itself is not trusted, whatever it is about."""
    match = book.match([Said(3, "RECEIVED", row=6), Said(4, "FAILED", row=6)])
    assert match.contradiction == (3, 4)


def test_a_number_that_got_two_messages_is_ambiguous(book: FeedbackLedger) -> None:
    """Nobody can know which of them was received."""
    match = book.match([Said(2, "RECEIVED", row=2), Said(3, "RECEIVED", destination="+14255550001")])
    assert match.ambiguous == (3, 2)


def test_what_was_told_is_not_told_again_unless_it_changed(
    book: FeedbackLedger, path: Path, clock: StandingClock
) -> None:
    """Also by the next process; a changed value takes the old one's place."""
    book.match([Said(line, "RECEIVED", row=line) for line in (1, 2, 3)])
    book.record(book.todo(after=0, limit=2))
    book.close()
    with FeedbackLedger.open_for_writing(path, clock=clock) as again:
        match = again.match([Said(1, "RECEIVED", row=1), Said(2, "FAILED", row=2), Said(3, "RECEIVED", row=3)])
        assert (match.already, match.todo) == (1, 2)
        assert todo(again) == [("m-2", "FAILED"), ("m-3", "RECEIVED")]
        again.record(again.todo(after=0, limit=100))
    with FeedbackLedger.open_for_writing(path, clock=clock) as last:
        match = last.match([Said(1, "RECEIVED", row=1), Said(2, "FAILED", row=2), Said(3, "RECEIVED", row=3)])
        assert (match.already, match.todo) == (3, 0)


def test_how_much_was_told_lately(book: FeedbackLedger, clock: StandingClock) -> None:
    """By the time of the record."""
    book.match([Said(line, "RECEIVED", row=line) for line in (1, 2, 3)])
    first, *others = book.todo(after=0, limit=3)
    book.record([first])
    clock.advance(10)
    book.record(others)
    assert book.told_since(START + timedelta(seconds=9)) == 2
    assert book.told_since(START) == 3
    assert book.told_since(START + timedelta(seconds=11)) == 0


def test_a_long_file_on_a_long_ledger(tmp_path: Path, clock: StandingClock) -> None:
    """Ten thousand messages by id, row and number at once, each found exactly once."""
    path = tmp_path / "long.db"
    count = 9_999
    write_plan(path, [pending(row) for row in range(1, count + 1)], clock=clock)
    with SqliteLedger.open_for_writing(path, clock=clock) as ledger, ledger.transaction():
        for claim in ledger.claim("toll-free", parts=count, rows=count):
            ledger.settle(sent(claim.row))

    def said() -> Iterator[Said]:
        for row in range(1, count + 1):
            if row % 3 == 0:
                yield Said(row, "RECEIVED", message_id=f"m-{row}")
            elif row % 3 == 1:
                yield Said(row, "RECEIVED", row=row)
            else:
                yield Said(row, "RECEIVED", destination=f"+1425555{row:04d}")

    with FeedbackLedger.open_for_writing(path, clock=clock) as book:
        assert book.match(said()) == Match(count, 0, None, 0, 0, count, None, None)
        assert [each.message_id for each in book.todo(after=0, limit=count)] == [
            f"m-{row}" for row in range(1, count + 1)
        ]


def test_a_file_that_ends_in_an_error_leaves_the_ledger_as_it_was(
    book: FeedbackLedger, path: Path, clock: StandingClock
) -> None:
    """What is raised while the file is read comes through, and nothing is to do."""

    def said() -> Iterator[Said]:
        yield Said(1, "RECEIVED", row=1)
        raise InputError("line 2: no")

    with pytest.raises(InputError, match="line 2"):
        book.match(said())
    assert todo(book) == []
    book.close()
    with FeedbackLedger.open_for_writing(path, clock=clock) as again:
        assert again.told_since(START) == 0


def test_a_ledger_in_use_is_refused(book: FeedbackLedger, path: Path, clock: StandingClock) -> None:
    """One writer at a time."""
    assert book.path == path
    with pytest.raises(LedgerError, match="in use"):
        FeedbackLedger.open_for_writing(path, clock=clock)


def test_numbers_are_not_shown() -> None:
    """Not in a repr."""
    assert "5550" not in repr(Said(1, "RECEIVED", destination="+14255550001"))
    assert Todo(1, "m", "FAILED").feedback == "FAILED"


def test_the_recorder_writes_in_a_thread_of_its_own(book: FeedbackLedger, path: Path, clock: StandingClock) -> None:
    """While another connection reads; what it was given is there when the call has returned."""
    book.close()

    async def main() -> None:
        with (
            OwnerLock(path, clock=clock) as owner,
            FeedbackLedger.open_for_reading(path) as reading,
        ):
            reading.match([Said(1, "RECEIVED", row=1), Said(2, "FAILED", row=2)])
            async with FeedbackRecorder(path, clock=clock, owner=owner) as recorder:
                await recorder.record(reading.todo(after=0, limit=10))
                assert reading.told_since(START) == 2

    asyncio.run(main())


def test_a_recorder_without_the_lock_is_refused(book: FeedbackLedger, path: Path, clock: StandingClock) -> None:
    """Nothing is told that could not be recorded."""
    book.close()

    async def main() -> None:
        with pytest.raises(LedgerError):
            await FeedbackRecorder(path, clock=clock, owner=OwnerLock(path, clock=clock)).__aenter__()

    asyncio.run(main())
