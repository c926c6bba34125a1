"""What must hold between a ledger and the service after any crash, and how much a crash may leave unknown."""

import math
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bulksend.base.records import Status
from bulksend.rate.inflight import FIRST_GUESS_S, FLOOR_S, LEAST
from bulksend.rate.latency import LatencyEstimate
from bulksend.store.export import export_rows
from bulksend.store.reading import ReadableLedger
from tests.crash.journal import Doings, Note, Word
from tests.crash.points import A_SHARED_COMMIT_S
from tests.support.accepted import Accepted

SETTLED = frozenset({Status.SENT, Status.FAILED, Status.UNKNOWN})

AHEAD_S = 1.0
"""A message that went out was begun on this long before, at most."""

Row = Mapping[str, Any]


def read_rows(ledger: Path) -> dict[int, Row]:
    """Every row of the ledger, by its number; also checks that the ledger's own counts agree with its rows."""
    exported: list[Row] = list(export_rows(ledger))
    with ReadableLedger.open_for_reading(ledger) as held:
        counts = held.counts()
    assert counts.rows == len(exported)
    assert {status: counts.of(status) for status in Status if counts.of(status)} == Counter(
        Status(row["status"]) for row in exported
    )
    assert counts.parts_sent == sum(row["parts"] for row in exported if row["status"] == Status.SENT)
    return {row["row"]: row for row in exported}


def check_against_service(rows: Mapping[int, Row], accepted: Sequence[Accepted], *, size: int) -> None:
    """Nobody twice, nothing lost, nothing `sent` that was not accepted, nothing accepted that is taken for unsent."""
    assert list(rows) == list(range(1, size + 1)), "a row is lost"
    assert len({message.destination for message in accepted}) == len(accepted), "somebody was texted twice"
    by_row = {message.row: message for message in accepted}
    assert len(by_row) == len(accepted), "a row was accepted twice"
    for message in accepted:
        row = rows[message.row]
        assert row["destination"] == message.destination
        assert row["status"] in (Status.SENT, Status.UNKNOWN, Status.SENDING), (
            f"row {message.row} was accepted and is {row['status']} ({row['reason']})"
        )
        assert row["attempts"] == message.attempt, f"row {message.row} was tried again after it was accepted"
    for number, row in rows.items():
        if row["status"] == Status.SENT:
            assert number in by_row, f"row {number} is sent and was never accepted"
            assert row["message_id"] == by_row[number].message_id


def check_progress(before: Mapping[int, Row], after: Mapping[int, Row]) -> None:
    """What was settled stays as it was; what a dead run left `sending` becomes `unknown` and nothing else."""
    for number, old in before.items():
        new = after[number]
        if old["status"] in SETTLED:
            assert new == old, f"row {number} was {old['status']} and is {new['status']}"
        elif old["status"] == Status.SENDING:
            assert new["status"] in (Status.SENDING, Status.UNKNOWN), f"row {number} was sending, is {new['status']}"
            assert new["reason"] in (None, "interrupted")
            assert new["attempts"] == old["attempts"]


def check_promises(rows: Mapping[int, Row], accepted: Iterable[Accepted], run: Doings, dead: Iterable[int]) -> None:
    """What the ledger confirmed to the run that died is there, and nothing went out beside what it noted."""
    for number, status in run.settled.items():
        assert rows[number]["status"] == status, f"row {number} was confirmed as {status}, is {rows[number]['status']}"
    taken = {message.row for message in accepted}
    for number in dead:
        assert number not in taken or number in run.released, f"row {number} was accepted and never let out"


@dataclass(frozen=True, slots=True)
class Toll:
    """What one kill left `unknown` in one bucket.

    Attributes:
        claimed: parts of rows that had not been let out.
        in_air: rows that had been let out and not been answered, but for those that a later answer had overtaken: they
            wait for their time-out and take no room (`rate.inflight`).
        recording: rows that had been answered, without the outcome on disk.
        most_claimed: parts that `claimed` may be at most: a second of the limit, or one message that has more.
        most_in_air: rows that `in_air` and `recording` may be at most: the limit for as long as an answer may take and
            a commit, or the few that may always be in the air.
    """

    claimed: int
    in_air: int
    recording: int
    most_claimed: int
    most_in_air: int

    @property
    def is_within_bounds(self) -> bool:
        """Whether the kill cost no more certainty than it may."""
        return self.claimed <= self.most_claimed and self.in_air + self.recording <= self.most_in_air

    @property
    def most(self) -> int:
        """Rows that may be unknown, at most."""
        return self.most_claimed + self.most_in_air


def toll(bucket: Mapping[int, Row], *, mps: int, headroom: float, run: Doings, dead: Iterable[int]) -> Toll:
    """What a kill cost one bucket, all of whose rows are in `bucket`; `dead`: the rows that it left `sending`."""
    own = [number for number in dead if number in bucket]
    flying = [number for number in own if number in run.released and number not in run.answered]
    claimed = [bucket[number]["parts"] for number in own if number not in run.released]
    last = max((run.released[number] for number in flying), default=-math.inf)
    latest = max((run.released[number] for number in bucket if number in run.answered), default=-math.inf)
    by_law = math.ceil(mps * (1.0 - headroom) * (_slowest_s(bucket, run, last=last) + A_SHARED_COMMIT_S)) + 1
    return Toll(
        claimed=sum(claimed),
        in_air=sum(run.released[number] > latest for number in flying),
        recording=sum(number in run.answered for number in own),
        most_claimed=max(mps, *claimed) if len(claimed) == 1 else mps,
        most_in_air=max(LEAST + 1, by_law),
    )


def _slowest_s(bucket: Mapping[int, Row], run: Doings, *, last: float) -> float:
    """The longest estimate of the latency that held while the last message in the air was begun."""
    estimate = LatencyEstimate(first_guess_s=FIRST_GUESS_S)
    slowest_s = FLOOR_S
    for answer in run.answers:
        if answer.row not in bucket:
            continue
        if answer.at > last - AHEAD_S:
            slowest_s = max(slowest_s, estimate.seconds)
        if answer.at > last:
            return slowest_s
        estimate.learn(answer.seconds)
    return max(slowest_s, estimate.seconds)


def fullest_seconds(rows: Mapping[int, Row], notes: Iterable[Note]) -> dict[str, int]:
    """Most parts that any second (t - 1 s, t] let out, by bucket, over all runs whose `notes` these are."""
    fullest: dict[str, int] = defaultdict(int)
    windows: dict[str, deque[tuple[float, int]]] = defaultdict(deque)
    for note in sorted(notes, key=lambda note: note.at):
        if note.word is Word.RELEASED:
            bucket = rows[note.row]["bucket"]
            window = windows[bucket]
            window.append((note.at, rows[note.row]["parts"]))
            while window[0][0] <= note.at - 1.0:
                window.popleft()
            fullest[bucket] = max(fullest[bucket], sum(parts for _, parts in window))
    return fullest
