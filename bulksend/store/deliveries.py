"""What delivery events do to a ledger: rows that they prove sent are sent, and what became of each message is kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bulksend.base.records import INTERRUPTED, DeliveryEvent, Status
from bulksend.store import delivery_statements as sql
from bulksend.store import statements
from bulksend.store.schema import to_milliseconds
from bulksend.store.writing import WritableLedger

CLOCKS_AGREE_MS = 5 * 60_000
"""How far this machine's clock may be from the service's; with a signature that is off by more nothing is accepted."""

ON_THE_WIRE_MS = 10 * 60_000
"""How long after a row's intent, by the clock of the service, the message can have been accepted at the latest: as far
as the clocks may differ, and as long as a row may wait between its intent and the wire."""


@dataclass(frozen=True, slots=True)
class BilledRow:
    """A message that was billed with another number of parts than was counted."""

    row: int
    counted: int
    billed: int


@dataclass(frozen=True, slots=True)
class DeliveryFigures:
    """What a ledger knows of deliveries.

    Attributes:
        by_status: messageStatus -> messages, the most frequent first.
        without_event: rows that are sent, and of whose message no event has told.
        billed_messages: messages whose billed parts are known.
        counted_parts: of those messages, as the plan counted.
        billed_parts: of those messages, as the service did.
        billed_otherwise: messages for which the two differ.
        first_billed_otherwise: the first of them, in the order of the input.
        price_usd: what all messages cost, as far as events tell; None when none does.
        accepted_again: rows of which the service accepted more messages than the one that the row shows.
    """

    by_status: Mapping[str, int]
    without_event: int
    billed_messages: int
    counted_parts: int
    billed_parts: int
    billed_otherwise: int
    first_billed_otherwise: tuple[BilledRow, ...]
    price_usd: float | None
    accepted_again: tuple[int, ...]


class DeliveryLedger(WritableLedger):
    """A ledger that delivery events are put into: `begin`, any number of `add`, `finish`, each in a `transaction()`.

    An event belongs to the row that its Context names, if the campaign is this ledger's, and row, attempt, destination
    and the time of the request fit what the ledger knows; a campaign's name may be used again, so the name alone proves
    nothing. Any other event of this campaign, or of none (EventBridge leaves the Context out), belongs to the row that
    has its message id, or to no row at all.

    A row that is not `sent` and that a Context proves accepted becomes `sent`. A row that is keeps the message id that
    the sender saw. The same events in any order, any number of times, leave the same ledger; those that are known only
    by a message id have to come together with one that names their row, or after it.
    """

    _campaign = ""
    _created_at = 0
    _foreign = 0

    def begin(self, *, campaign: str) -> int:
        """Prepare; return how many rows became `unknown` because the process that sent them died.

        Holds and breakers of the last run stay as they are: whether they have been mended is for the next one to find.

        Args:
            campaign: name of the campaign, as events have it in their Context.
        """
        self._campaign = campaign
        ((created_at,),) = self._read("SELECT value FROM meta WHERE key = 'created_at'")
        self._created_at = int(created_at)
        for statement in (sql.INDEX_MESSAGE_IDS, sql.MAKE_BATCH, sql.MAKE_SPOOL, sql.MAKE_PROVED):
            self.write(statement)
        interrupted = self.write(statements.INTERRUPT, {"reason": INTERRUPTED, "now": self.now_ms()})
        self.write(statements.END_DEAD_RUNS)
        return interrupted

    def add(self, events: Sequence[DeliveryEvent]) -> Mapping[Status, int]:
        """Put events in; return how many rows became `sent`, by what they were before."""
        batch = [_stored(event) for event in events if event.campaign in (None, self._campaign)]
        self.write(sql.LOAD, {"batch": json.dumps(batch)})
        ((last_at,),) = self._read(sql.LAST_AT, {"now": self.now_ms()})
        bounds = {"created_at": self._created_at, "last_at": last_at, "early": CLOCKS_AGREE_MS, "late": ON_THE_WIRE_MS}
        self.write(sql.PROVE, bounds | {"forgotten": sql.FORGOTTEN})
        self.write(sql.MATCH_BATCH)
        self.write(sql.RECORD_BATCH)
        self.write(sql.FILL_PROVED)
        settled = {Status(status): count for status, count in self._read(sql.SETTLED_FROM)}
        self.write(sql.CORRECT)
        self.write(sql.REMEMBER)
        self.write(sql.SETTLE)
        self.write(sql.SPOOL)
        self._foreign += len(events) - len(batch)
        self.write("DELETE FROM batch")
        self.write("DELETE FROM proved")
        return settled

    def finish(self) -> int:
        """Look once more at events that came before the one that names their row; return how many are of no row."""
        self.write(sql.MATCH_SPOOL)
        self.write(sql.RECORD_SPOOL)
        ((foreign,),) = self._read(sql.FOREIGN)
        self.write("DELETE FROM spool")
        return int(foreign) + self._foreign

    def figures(self, *, first: int) -> DeliveryFigures:
        """Add up what is known; `first`: how many of the messages that were billed otherwise are named."""
        ((messages, counted, billed, otherwise),) = self._read(sql.BILLED)
        ((price,),) = self._read(sql.PRICE)
        ((without_event,),) = self._read(sql.WITHOUT_EVENT)
        return DeliveryFigures(
            by_status=dict(self._read(sql.BY_STATUS)),
            without_event=without_event,
            billed_messages=messages,
            counted_parts=counted,
            billed_parts=billed,
            billed_otherwise=otherwise,
            first_billed_otherwise=tuple(
                BilledRow(*each) for each in self._read(sql.BILLED_OTHERWISE, {"first": first})
            ),
            price_usd=price,
            accepted_again=tuple(row for (row,) in self._read(sql.ACCEPTED_AGAIN)),
        )


def _stored(event: DeliveryEvent) -> tuple[object, ...]:
    """An event as `sql.LOAD` takes it; the row that it names only where it names the campaign too."""
    named = event.campaign is not None and event.row is not None and event.attempt is not None
    return (
        event.message_id,
        event.status,
        event.description,
        int(event.final),
        to_milliseconds(event.at),
        event.carrier,
        event.parts,
        event.price_usd,
        event.row if named else None,
        event.attempt if named else None,
        None if event.requested_at is None else to_milliseconds(event.requested_at),
        event.destination,
    )
