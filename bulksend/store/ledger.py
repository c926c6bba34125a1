"""The ledger of a campaign in SQLite: what may be done to a row, and when."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from typing import NamedTuple

import msgspec

from bulksend.base.ports import ANY, Among, Behind, Choose, Diverted
from bulksend.base.records import INTERRUPTED, Claim, Settlement, Status
from bulksend.store import statements as sql
from bulksend.store.faults import LedgerMisuse, damaged, told_as_damage
from bulksend.store.noting import NotingLedger
from bulksend.store.schema import RETRY

_SENT = Status.SENT
_OUTCOMES = frozenset({Status.SENT, Status.FAILED, Status.UNKNOWN})

_INTEGERS = msgspec.json.Decoder(list[int])
_CLAIMS = msgspec.json.Decoder(list[Claim])


class Postponement(NamedTuple):
    """Attempt number `attempt` at a row came to nothing for the moment.

    `throttled`: because it was too fast; `tried`: it went on the wire, and was refused.
    """

    row: int
    attempt: int
    throttled: bool
    tried: bool = True


class _Standing(NamedTuple):
    """Where a row stands, as far as an operation is compared with it."""

    status: str
    attempts: int
    reason: str | None
    message_id: str | None
    error_code: str | None


class SqliteLedger(NotingLedger):
    """What may be done to the rows of a ledger.

    What changes rows takes part in the caller's `transaction()` and is on disk when that has ended, not before. It
    is checked first, and `LedgerMisuse` is raised with nothing written when it does not fit where the row stands:

        claim     pending -> sending     attempts + 1
        postpone  sending -> postponed   attempts - 1, unless tried; again with the same number: nothing happens
        retry     postponed -> sending   attempts + 1; again with the same number: nothing happens
                  unknown -> sending     likewise; remembers that an earlier attempt may have been sent
        settle    sending -> an outcome  again with the same result: nothing happens
        give back sending -> pending     attempts - 1, unless tried: an intent alone is no attempt
                  postponed -> pending
        divert    pending -> held, or pending for another identity
        resend    unknown -> pending     remembers that an earlier attempt may have been sent
        withdraw  pending -> unknown     those of `resend` that were not sent; with the reason they had
        recover   sending -> unknown     with reason "interrupted"; postponed and held rows are pending again

    Postponed and held rows are `pending` too, with a reason that says which.

    Operations that concern many rows are one statement for all of them, and claims are read in one step: Python gives
    its lock away at every step of a statement, and beside a busy event loop waits up to the switch interval (5 ms)
    until it has it back. One statement a row took 5 ms a row there, and `executemany` takes a step a row.
    """

    def claim(
        self, bucket: str, *, parts: int, rows: int, oversized: bool = True, among: Among = ANY
    ) -> Sequence[Claim]:
        """Take pending rows, as `Ledger.claim` says. `rows` must be positive."""
        if rows < 1:
            raise ValueError(f"rows must be positive, not {rows}")
        claims: list[Claim] = []
        for zone in among.zones:
            found, is_full = self._claim_in_zone(
                bucket, zone, parts=parts, rows=rows, oversized=oversized and not claims, among=among
            )
            claims += found
            parts -= sum(claim.parts for claim in found)
            rows -= len(found)
            if is_full or rows < 1:
                break
        return claims

    def _claim_in_zone(
        self, bucket: str, zone: int, *, parts: int, rows: int, oversized: bool, among: Among
    ) -> tuple[Sequence[Claim], bool]:
        """Claim in one zone. Returns what was claimed, and whether its next row did not fit."""
        last = self.last_row if among.last is None else among.last
        scope = {"bucket": self._bucket_number(bucket), "zone": zone, "last": last}
        certain = None if among.rows is None else json.dumps(among.rows)
        statement = sql.CLAIMABLE if certain is None else sql.CLAIMABLE_OF
        ((found, found_parts),) = self._read(statement, scope | {"rows": rows, "among": certain})
        with told_as_damage(self.path):
            claimable = list(zip(_INTEGERS.decode(found), _INTEGERS.decode(found_parts), strict=True))
        fitting = 0
        for _, weight in claimable:
            if weight > parts and not (oversized and fitting == 0):
                break
            parts -= weight
            fitting += 1
        is_full = fitting < len(claimable)
        if fitting == 0:
            return [], is_full
        taken = [row for row, _ in claimable[:fitting]]
        scope |= {"first": taken[0], "last": taken[-1], "name": bucket, "now": self.now_ms()}
        if certain is not None:
            scope["among"] = json.dumps(taken)
        ((found,),) = self._read(sql.CLAIMED if certain is None else sql.CLAIMED_OF, scope)
        self.write(sql.CLAIM if certain is None else sql.CLAIM_OF, scope)
        with told_as_damage(self.path):
            claims = _CLAIMS.decode(found)
        if len(claims) != fitting:  # a row without an identity
            raise damaged(self.path)
        return claims, is_full

    def postpone(self, row: int, attempt: int, *, throttled: bool, tried: bool = True) -> None:
        """Withdraw the intent of a row that is to wait, as `Ledger.postpone` says."""
        for refusal in self.postpone_all([Postponement(row, attempt, throttled, tried)]).values():
            raise refusal

    def postpone_all(self, postponements: Sequence[Postponement]) -> Mapping[int, LedgerMisuse]:
        """`postpone` for several rows, each at most once. Returns those refused (row -> why); the others are noted."""
        standing = self._standing([each.row for each in postponements])
        refused: dict[int, LedgerMisuse] = {}
        batch: list[Postponement] = []
        for each in postponements:
            now = standing.get(each.row)
            if now is not None and now[:2] == (Status.SENDING, each.attempt):
                batch.append(each)
            elif now is None or now[:3] != (Status.PENDING, each.attempt - (not each.tried), RETRY):
                refused[each.row] = _refusal(f"a postponement of attempt {each.attempt}", each.row, now)
        values = [(each.row, each.attempt, int(each.tried)) for each in batch]
        self.write(sql.POSTPONE, {"retry": RETRY, "batch": json.dumps(values)})
        throttled = sum(each.throttled for each in batch)
        if throttled and self._run is not None:
            self.write("UPDATE runs SET throttled = throttled + ? WHERE id = ?", (throttled, self._run))
        return refused

    def retry(self, attempts: Mapping[int, int]) -> None:
        """Note the intent of other attempts, as `Ledger.retry` says; each number is one more than the row's last.

        All of them, or none when one of them does not fit.
        """
        standing = self._standing(attempts)
        for row, attempt in attempts.items():
            now = standing.get(row)
            if now is None or not (
                now[:3] in ((Status.PENDING, attempt - 1, RETRY), (Status.SENDING, attempt, None))
                or now[:2] == (Status.UNKNOWN, attempt - 1)
            ):
                raise _refusal(f"attempt {attempt}", row, now)
        self.write(sql.RETRY, {"now": self.now_ms(), "retry": RETRY, "batch": json.dumps(list(attempts.items()))})

    def settle(self, settlement: Settlement) -> None:
        """Record an outcome, as `Ledger.settle` says."""
        for refusal in self.settle_all([settlement]).values():
            raise refusal

    def settle_all(self, settlements: Sequence[Settlement]) -> Mapping[int, LedgerMisuse]:
        """`settle` for several rows, each at most once. Returns those refused (row -> why); the others are recorded."""
        refused: dict[int, LedgerMisuse] = {}
        sent: defaultdict[int, dict[int, str]] = defaultdict(dict)  # attempt -> row -> `_answer`
        others: list[tuple[object, ...]] = []
        for each in settlements:
            outcome = each.outcome
            if each.status is _SENT and outcome.reason is outcome.error_code is outcome.error_message is None:
                sent[each.attempt][each.row] = _answer(each)
            elif each.status in _OUTCOMES:
                others.append((each.row, *_result(each), _storable(outcome.error_message), each.released_ms))
            else:
                refused[each.row] = LedgerMisuse(f"row {each.row} cannot be settled as {each.status.value}")
        now = self.now_ms()
        changed = 0
        for attempt, answers in sent.items():
            values = {"now": now, "attempt": attempt, "answers": _json(answers)}
            changed += self.write(sql.SETTLE_SENT, values)
        if others:
            changed += self.write(sql.SETTLE, {"now": now, "batch": _json(others)})
        if changed + len(refused) != len(settlements):
            standing = self._standing([each.row for each in settlements])
            for each in settlements:
                if each.row not in refused and standing.get(each.row) != _result(each):
                    what = f"the outcome {each.status.value} of attempt {each.attempt}"
                    refused[each.row] = _refusal(what, each.row, standing.get(each.row))
        return refused

    def give_back(self, rows: Sequence[int], *, tried: Collection[int] = ()) -> None:
        """Return rows, as `Ledger.give_back` says; all of them, or none when one is neither claimed nor postponed."""
        standing = self._standing(rows)
        for row in rows:
            now = standing.get(row)
            if now is None or (now.status, now.reason) not in ((Status.SENDING, None), (Status.PENDING, RETRY)):
                raise _refusal("being given back", row, now)
        self.write(sql.GIVE_BACK, {"rows": json.dumps(list(rows)), "tried": json.dumps(list(tried))})

    def divert(self, reason: str, behind: Behind, choose: Choose | None = None) -> Diverted:
        """Keep pending rows from an identity, as `Ledger.divert` says."""
        if behind.identity not in {origin.identity for origin in self.identities}:
            raise LedgerMisuse(f"the identity {behind.identity!r} is not one of the campaign's")
        scope = asdict(behind) | {"last": self.last_row if behind.last is None else behind.last}
        moved: Counter[str] = Counter()
        if choose is not None:
            chosen = [
                (row, origin)
                for row, destination, its_country in self._read(sql.MOVABLE, scope)
                if (origin := choose(destination, its_country)) is not None
            ]
            for origin in {origin for _, origin in chosen}:
                if origin.identity == behind.identity or origin not in self.identities:
                    raise LedgerMisuse(f"{origin} cannot take over from {behind.identity!r}")
            batch = [(row, origin.identity, origin.bucket) for row, origin in chosen]
            self.write(sql.MOVE, {"batch": json.dumps(batch)})
            moved.update(origin.bucket for _, origin in chosen)
        held = self.write(sql.HOLD, scope | {"reason": reason})
        tripped = {"reason": reason, "now": self.now_ms(), "moved": moved.total(), "held": held}
        self.write(sql.TRIP, {"identity": behind.identity, "country": behind.country, **tripped})
        return Diverted(moved, held)

    def resend_unknown(self) -> int:
        """Make every unknown row pending again, on the word of somebody who accepts duplicates; return how many."""
        return self.write(sql.RESEND)

    def withdraw_resends(self) -> int:
        """Take back what `resend_unknown` allowed and was not done; return how many rows are `unknown` again.

        Somebody's word is good for one run: the next one must not send these again without asking.
        """
        return self.write(sql.WITHDRAW_RESENDS)

    def recover(self) -> int:
        """Put in order what an earlier owner left behind; return how many rows became `unknown`.

        Rows that it was sending may have been sent, or not: they are `unknown`, with reason "interrupted". Rows that
        it had postponed or held are free again: what stood against them may have been mended. What it was allowed to
        send again and did not is `unknown`, as before. Its run ended with the last message that was accepted.
        """
        self._require_sound()
        interrupted = self.write(sql.INTERRUPT, {"reason": INTERRUPTED, "now": self.now_ms()})
        self.withdraw_resends()
        self.write(sql.LIFT_HOLDS)
        self.write(sql.FORGET_BREAKERS)
        self.write(sql.END_DEAD_RUNS)
        return interrupted

    def _require_sound(self) -> None:
        """Raise `LedgerError` when pages, indexes or counts of the file contradict one another."""
        if self._read("PRAGMA integrity_check(1)") != [("ok",)] or self._read(sql.MISCOUNTED):
            raise damaged(self.path)

    def _standing(self, rows: Collection[int]) -> Mapping[int, _Standing]:
        return {row: _Standing(*now) for row, *now in self._read(sql.STANDING, (json.dumps(list(rows)),))}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _result(settlement: Settlement) -> _Standing:
    """Where the row of `settlement` stands once it is recorded."""
    outcome = settlement.outcome
    texts = (_storable(outcome.reason), _storable(outcome.message_id), _storable(outcome.error_code))
    return _Standing(settlement.status.value, settlement.attempt, *texts)


def _answer(settlement: Settlement) -> str:
    """When a row was let out, and its message id, as `SETTLE_SENT` takes them apart."""
    released_ms = settlement.released_ms or 0
    return f"{released_ms:0{sql.RELEASED_DIGITS}d}{_storable(settlement.outcome.message_id) or ''}"


def _refusal(what: str, row: int, now: _Standing | None) -> LedgerMisuse:
    where = "is not in the ledger" if now is None else f"is {now.status} after {now.attempts} attempts"
    return LedgerMisuse(f"row {row} {where}, which does not fit {what}")


def _storable(text: str | None) -> str | None:
    """`text` as SQLite can hold it: what a service or a socket said may hold NUL and halves of surrogate pairs."""
    if text is None or text.isprintable():
        return text
    return text.encode(errors="replace").decode().replace("\0", "?")
