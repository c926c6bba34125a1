"""The records that the stages hand to one another. Frozen: a stage makes new ones, it never edits.

Those that every message makes several of are Structs of msgspec: a frozen dataclass takes five times as long to make,
and the garbage collector counts it. Their `repr` never shows a message text or a whole phone number, so that a stray
log line or traceback cannot either.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from bulksend.base.mask import mask_number


class Status(StrEnum):
    """Where a row stands. Every row has exactly one; their counts add up to the rows of the input."""

    PENDING = "pending"
    SENDING = "sending"  # intent is durable, the outcome is not known yet
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"  # may or may not have been sent; never re-sent by itself
    SKIPPED = "skipped"  # by the plan; never goes on the wire


class SkipReason(StrEnum):
    """Why the plan leaves a row out."""

    INVALID_NUMBER = "invalid_number"
    DUPLICATE = "duplicate"
    SUPPRESSED = "suppressed"
    ALREADY_SENT = "already_sent"  # or perhaps sent, by an earlier ledger that was named
    MISSING_FIELD = "missing_field"
    EMPTY_BODY = "empty_body"
    TOO_LONG = "too_long"
    NO_IDENTITY = "no_identity"
    BAD_ROW = "bad_row"
    TEMPLATE_ERROR = "template_error"


class Encoding(StrEnum):
    """How the service will encode a text (AWS: "SMS character limits")."""

    GSM_7 = "GSM-7"
    UCS_2 = "UCS-2"


class InputRow(Struct, frozen=True):
    """One record of the input, as it was read.

    Attributes:
        row: number of the record, from 1; the header is not counted.
        line: physical line on which the record starts, from 1.
        cells: column name as the input spells it -> value. CSV gives strings; JSONL gives what JSON holds.
        fault: why the record cannot be used (a person reads it); None when it can. Cells hold what could be read.
    """

    row: int
    line: int
    cells: Mapping[str, object]
    fault: str | None = None

    def __repr__(self) -> str:
        return f"InputRow(row={self.row}, line={self.line}, fault={self.fault!r})"


class PlannedRow(Struct, frozen=True):
    """What the plan decided about one row; written to the ledger once and never changed.

    Attributes:
        row: as in `InputRow`.
        line: as in `InputRow`.
        source: the input's own columns, as one JSON object.
        status: PENDING or SKIPPED.
        reason: a `SkipReason` when skipped, else None.
        note: one sentence for people: what is wrong, or what was repaired; no full number, no text.
        destination: E.164; None when the number could not be read.
        country: ISO 3166 alpha-2; None where unknown.
        identity: id of the origination identity the row is routed to.
        bucket: name of the identity's bucket.
        encoding: of `text`.
        parts: how many parts `text` makes; 0 when there is no text.
        text: the finished message.
        pinned: the input itself named the identity, so no other may stand in for it.
        zone: time zones that the recipient may be in, IANA names, sorted, with + between them; None where nothing
            depends on it.
    """

    row: int
    line: int
    source: str
    status: Status
    reason: str | None = None
    note: str | None = None
    destination: str | None = None
    country: str | None = None
    identity: str | None = None
    bucket: str | None = None
    encoding: Encoding | None = None
    parts: int = 0
    text: str | None = None
    pinned: bool = False
    zone: str | None = None

    def __repr__(self) -> str:
        return (
            f"PlannedRow(row={self.row}, status={self.status.value!r}, reason={self.reason!r},"
            f" country={self.country!r}, identity={self.identity!r}, bucket={self.bucket!r}, parts={self.parts})"
        )


class Claim(Struct, frozen=True, gc=False):
    """A row whose intent is durable: whoever holds it may put it on the wire, once.

    Attributes:
        row: number of the row.
        attempt: which attempt this is, from 1 over all runs.
        destination: E.164.
        country: ISO 3166 alpha-2, or None.
        identity: what goes into OriginationIdentity.
        bucket: the bucket that is charged.
        text: the message.
        parts: what the meter is charged.
        lost: why nobody knows what became of an earlier attempt, where somebody chose to send the row again; else None.
        zone: number of the time zones that its recipient may be in; 0: none.
    """

    row: int
    attempt: int
    destination: str
    country: str | None
    identity: str
    bucket: str
    text: str
    parts: int
    lost: str | None = None
    zone: int = 0

    def __repr__(self) -> str:
        return (
            f"Claim(row={self.row}, attempt={self.attempt}, to={mask_number(self.destination)},"
            f" identity={self.identity!r}, parts={self.parts})"
        )


class OutcomeKind(StrEnum):
    """What became of one attempt, and with it how far its consequences reach (README, "Outcomes")."""

    SENT = "sent"
    THROTTLED = "throttled"  # known not sent; the bucket slows down
    NOT_SENT = "not_sent"  # known not sent; nothing reached the service
    FAILED_RECIPIENT = "failed_recipient"
    FAILED_ROUTE = "failed_route"  # this identity cannot reach this country
    FAILED_IDENTITY = "failed_identity"  # this identity cannot be used
    FAILED_UNEXPECTED = "failed_unexpected"  # refused for a reason that this operation is not known to give
    CREDENTIALS = "credentials"  # rejected credentials; the gateway makes TRY_AGAIN or STOP of it
    TRY_AGAIN = "try_again"  # known not sent, by an answer that is no throttle: 503, credentials that were renewed
    STOP = "stop"  # the whole campaign cannot go on
    UNKNOWN = "unknown"  # nobody can know


INTERRUPTED = "interrupted"
"""Reason of rows that were on the wire, or about to be, when nobody waited for the answer any more."""


class Outcome(Struct, frozen=True, gc=False):
    """The result of one attempt, as a value.

    Attributes:
        kind: what follows from it.
        reason: the service's Reason, or a transport cause, in lower snake case; None when sent.
        message_id: from the service; only when sent.
        error_code: the service's exception name, or the transport error's; None when sent.
        error_message: what the service said, free of the text and of the full number.
    """

    kind: OutcomeKind
    reason: str | None = None
    message_id: str | None = None
    error_code: str | None = None
    error_message: str | None = None


class Settlement(Struct, frozen=True, gc=False):
    """The outcome of a row, as the ledger records it.

    Attributes:
        row: number of the row.
        attempt: the attempt that ended it.
        status: SENT, FAILED or UNKNOWN.
        outcome: where reason, message id and error come from.
        released_ms: when that attempt was let onto the wire, milliseconds since 1970; None: never.
    """

    row: int
    attempt: int
    status: Status
    outcome: Outcome
    released_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Bucket:
    """One MPS limit.

    Attributes:
        name: unique within a campaign.
        mps: message parts per second that the service allows, at least 1.
    """

    name: str
    mps: int


@dataclass(frozen=True, slots=True)
class Origin:
    """Whom a row is sent from, and what that is charged to.

    An identity can be charged to several buckets: a sender id has a limit of its own in every country.
    """

    identity: str
    bucket: str


@dataclass(frozen=True, slots=True)
class DeliveryEvent:
    """What one delivery event tells of a message (AWS: "Event format", eventVersion 1.0).

    Attributes:
        message_id: of the message, as SendTextMessage returned it.
        status: messageStatus, such as "DELIVERED".
        description: messageStatusDescription; None when absent.
        final: isFinal: no other status is expected.
        at: eventTimestamp, UTC.
        requested_at: messageRequestTimestamp, UTC; None when absent.
        destination: destinationPhoneNumber; None when absent (EventBridge leaves it out).
        campaign: `bulksend_campaign` of the Context; None when absent.
        row: row number of `bulksend_row` in the Context; None when absent.
        attempt: attempt number of `bulksend_row`; None when absent.
        carrier: carrierName, or "<mcc>-<mnc>" without one; None when neither is there.
        parts: totalMessageParts, as billed; None when absent.
        price_usd: totalMessagePrice, for all parts, in US dollars; None when absent.
    """

    message_id: str
    status: str
    description: str | None
    final: bool
    at: datetime
    requested_at: datetime | None = None
    destination: str | None = field(default=None, repr=False)
    campaign: str | None = None
    row: int | None = None
    attempt: int | None = None
    carrier: str | None = None
    parts: int | None = None
    price_usd: float | None = None
