"""A ledger's history, for those who look at it afterwards: read in one moment and added up by SQLite."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Any

from bulksend.base.history import DeliveryGroup, Group, History, Pace, Slot
from bulksend.base.progress import JournalEntry
from bulksend.base.records import Status
from bulksend.store.delivery_statements import WITHOUT_EVENT
from bulksend.store.faults import told_as_damage, told_as_ledger_error
from bulksend.store.forget import FORGOTTEN_KEY
from bulksend.store.reading import ReadableLedger
from bulksend.store.schema import from_milliseconds

MOST_SLOTS = 300
"""So many are told apart over all periods; a chart shows no more."""

MOST_PERIODS = 4
MOST_JOURNAL_ENTRIES = 500

_SLOT_SECONDS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)
_COARSE_SLOTS = 2000
_SHORTEST_BREAK_MS = 30_000

_GROUPS = """
SELECT status, reason, error_code, country, count(*), sum(parts), min(row)
FROM states GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4
"""

_SPAN = "SELECT min(released_at), max(released_at) FROM states WHERE released_at IS NOT NULL"

_OCCUPIED = """
SELECT DISTINCT (released_at - :origin) / :slot FROM states WHERE released_at IS NOT NULL ORDER BY 1
"""

_RELEASED = """
SELECT buckets.name, slot, messages, parts FROM (
    SELECT bucket, (released_at - :origin) / :slot AS slot, count(*) AS messages, sum(parts) AS parts
    FROM states WHERE released_at IS NOT NULL GROUP BY 1, 2
) JOIN buckets ON buckets.id = bucket
"""

_SAMPLED = """
SELECT buckets.name, slot, throttled, allowed, in_flight FROM (
    SELECT bucket, (at - :origin) / :slot AS slot, sum(throttled) AS throttled, avg(allowed) AS allowed,
        max(in_flight) AS in_flight
    FROM samples WHERE at >= :origin GROUP BY 1, 2
) JOIN buckets ON buckets.id = bucket
"""

_ANSWERS = """
SELECT finished_at - released_at, count(*) FROM states
WHERE released_at IS NOT NULL AND finished_at >= released_at AND (status = 'sent' OR status = 'failed')
    AND row NOT IN (SELECT row FROM settled)
GROUP BY 1
"""
"""Not of rows that events settled: nobody here saw their answer."""

_ATTEMPTS = """
SELECT attempts, count(*) FROM states WHERE status IN ('sent', 'failed', 'unknown') GROUP BY 1 ORDER BY 1
"""

_DELIVERIES = """
SELECT deliveries.status, deliveries.final, states.country, count(*),
    count(deliveries.parts), ifnull(sum(iif(deliveries.parts IS NULL, 0, states.parts)), 0),
    ifnull(sum(deliveries.parts), 0), count(price_usd), sum(price_usd)
FROM deliveries JOIN states ON states.row = deliveries.row GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3
"""

_JOURNAL = "SELECT at, event, detail FROM journal ORDER BY id DESC LIMIT ?"


class HistoryLedger(ReadableLedger):
    """A ledger that is read as a whole, also while it is being written. Opened by `open_for_reading`."""

    def history(self) -> History:
        """Read everything in one moment. Takes some seconds for a million rows; memory does not grow with them.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        with told_as_ledger_error(self.path):
            self._connection.execute("BEGIN")
        try:
            with told_as_damage(self.path):
                return self._history()
        finally:
            with told_as_ledger_error(self.path):
                self._connection.execute("ROLLBACK")

    def _history(self) -> History:
        counts = self.counts_and_reasons()
        deliveries = tuple(
            DeliveryGroup(status, bool(final), *rest) for status, final, *rest in self._read(_DELIVERIES)
        )
        ((planned_at,),) = self._read("SELECT value FROM meta WHERE key = 'created_at'")
        ((entries,),) = self._read("SELECT count(*) FROM journal")
        return History(
            campaign=self.campaign,
            summary=self.summary,
            input_name=self.input_name,
            planned_at=from_milliseconds(int(planned_at)),
            forgotten_at=self._forgotten_at(),
            counts=counts,
            runs=tuple(self.runs()),
            breakers=tuple(self.breakers()),
            groups=tuple(Group(Status(status), *rest) for status, *rest in self._read(_GROUPS)),
            pace=self._pace(),
            answer_ms=dict(self._read(_ANSWERS)),
            attempts=dict(self._read(_ATTEMPTS)),
            deliveries=deliveries,
            without_event=self._read(WITHOUT_EVENT)[0][0] if deliveries else counts.of(Status.SENT),
            settled={
                (Status(status), reason): rows
                for status, reason, rows in self._read("SELECT status, reason, count(*) FROM settled GROUP BY 1, 2")
            },
            feedback=dict(self._read("SELECT feedback, count(*) FROM feedback GROUP BY 1 ORDER BY 1")),
            journal=tuple(_entry(each) for each in reversed(self._read(_JOURNAL, (MOST_JOURNAL_ENTRIES,)))),
            journal_before=max(0, entries - MOST_JOURNAL_ENTRIES),
            last_sent_at=self.last_sent_at(),
        )

    def _forgotten_at(self) -> datetime | None:
        found = self._read("SELECT value FROM meta WHERE key = ?", (FORGOTTEN_KEY,))
        return from_milliseconds(json.loads(found[0][0])["at"]) if found else None

    def _pace(self) -> Pace | None:
        ((first, last),) = self._read(_SPAN)
        if first is None:
            return None
        coarse = {"origin": first, "slot": max(1000, -(-(last - first) // _COARSE_SLOTS))}
        occupied = periods_of([slot for (slot,) in self._read(_OCCUPIED, coarse)], slot_ms=coarse["slot"])
        active_s = sum(end - begin + 1 for begin, end in occupied) * coarse["slot"] / 1000
        slot_s = next((each for each in _SLOT_SECONDS if active_s / each <= MOST_SLOTS), _SLOT_SECONDS[-1])
        fine = {"origin": first, "slot": slot_s * 1000}
        slots: dict[str, dict[int, Slot]] = {bucket.name: {} for bucket in self.buckets}
        for bucket, slot, messages, parts in self._read(_RELEASED, fine):
            slots[bucket][slot] = Slot(messages, parts)
        periods = periods_of(sorted({slot for each in slots.values() for slot in each}), slot_ms=fine["slot"])
        for bucket, slot, throttled, allowed, in_flight in self._read(_SAMPLED, fine):
            within = max((min(slot, end) for begin, end in periods if begin <= slot), default=slot)
            seen = slots[bucket].get(within, Slot())
            if within == slot:
                slots[bucket][slot] = replace(
                    seen, throttled=throttled + (seen.throttled or 0), allowed=allowed, in_flight=in_flight
                )
            elif throttled:
                # Of the seconds before it was taken: the last answers come after the last message.
                slots[bucket][within] = replace(seen, throttled=throttled + (seen.throttled or 0))
        return Pace(from_milliseconds(first), slot_s, tuple(periods), slots)


def periods_of(occupied: Sequence[int], *, slot_ms: int) -> list[tuple[int, int]]:
    """First and last slot of each stretch in which something went out; `occupied` ascends.

    A break parts two of them where it is longer than half a minute and than a tenth of all the time in which something
    went out. There are `MOST_PERIODS` at most: the longest breaks count.
    """
    shortest = max(_SHORTEST_BREAK_MS, len(occupied) * slot_ms / 10)
    breaks = [(before, after) for before, after in pairwise(occupied) if (after - before - 1) * slot_ms > shortest]
    longest = sorted(breaks, key=lambda gap: gap[0] - gap[1])[: MOST_PERIODS - 1]
    ends = [before for before, _ in sorted(longest)] + [occupied[-1]]
    begins = [occupied[0]] + [after for _, after in sorted(longest)]
    return list(zip(begins, ends, strict=True))


def _entry(stored: tuple[Any, ...]) -> JournalEntry:
    at, event, detail = stored
    fields = json.loads(detail)
    if not isinstance(fields, Mapping):
        raise TypeError("the detail of a journal entry is not an object")
    return JournalEntry(from_milliseconds(at), event, fields)
