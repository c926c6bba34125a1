"""The real command, with something around its ledger and its gateway that kills it where it is told to.

python -m tests.crash.launcher POINT PASSING SEED JOURNAL -- send list.csv ...
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from bulksend.base.ports import Gateway, Ledger, Release
from bulksend.base.records import Claim, Outcome, Settlement
from bulksend.cli.app import run
from tests.crash.journal import UNTRIED, JournalWriter, Word
from tests.crash.points import A_COMMIT_S, A_SHARED_COMMIT_S, AN_ANSWER_S, Crash, Point


class WatchedLedger:
    """The real ledger; notes what it confirms, and comes by the points around intents, outcomes and the stop."""

    def __init__(self, ledger: Ledger, crash: Crash, journal: JournalWriter) -> None:
        self._ledger: Any = ledger
        self._crash = crash
        self._journal = journal

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def claim(self, *arguments: Any, **keywords: Any) -> Sequence[Claim]:
        self._crash.at(Point.BEFORE_INTENT)
        self._crash.within(Point.DURING_INTENT, A_SHARED_COMMIT_S)
        claims: Sequence[Claim] = await self._ledger.claim(*arguments, **keywords)
        for claim in claims:
            self._journal.note(Word.INTENT, claim.row, claim.attempt)
        self._crash.at(Point.AFTER_INTENT)
        return claims

    async def retry(self, attempts: Mapping[int, int]) -> None:
        self._crash.at(Point.BEFORE_INTENT)
        self._crash.within(Point.DURING_INTENT, A_SHARED_COMMIT_S)
        await self._ledger.retry(attempts)
        for row, attempt in attempts.items():
            self._journal.note(Word.INTENT, row, attempt)
        self._crash.at(Point.AFTER_INTENT)

    async def settle(self, settlement: Settlement) -> None:
        self._crash.within(Point.DURING_OUTCOME, A_SHARED_COMMIT_S)
        await self._ledger.settle(settlement)
        self._journal.note(Word.SETTLED, settlement.row, settlement.attempt, settlement.status)
        self._crash.at(Point.AFTER_OUTCOME)
        self._crash.settled()

    async def postpone(self, row: int, attempt: int, *, throttled: bool, tried: bool = True) -> None:
        self._crash.within(Point.DURING_OUTCOME, A_SHARED_COMMIT_S)
        await self._ledger.postpone(row, attempt, throttled=throttled, tried=tried)
        self._journal.note(Word.POSTPONED, row, attempt, "tried" if tried else UNTRIED)
        self._crash.at(Point.AFTER_OUTCOME)

    async def give_back(self, rows: Sequence[int], **keywords: Any) -> None:
        self._crash.at(Point.BEFORE_RETURN)
        self._crash.within(Point.DURING_RETURN, A_COMMIT_S)
        await self._ledger.give_back(rows, **keywords)
        for row in rows:
            self._journal.note(Word.RETURNED, row)
        self._crash.at(Point.AFTER_RETURN)

    async def finish(self, *arguments: Any, **keywords: Any) -> None:
        self._crash.at(Point.BEFORE_END)
        self._crash.within(Point.DURING_END, A_COMMIT_S)
        await self._ledger.finish(*arguments, **keywords)
        self._crash.at(Point.AFTER_END)


class WatchedGateway:
    """The real gateway; notes what it lets out and what comes back, and comes by the points around the wire."""

    def __init__(self, gateway: Gateway, crash: Crash, journal: JournalWriter) -> None:
        self._gateway = gateway
        self._crash = crash
        self._journal = journal

    async def send(self, claim: Claim, release: Release) -> Outcome:
        async def watched() -> None:
            await release()
            self._journal.note(Word.RELEASED, claim.row, claim.attempt)
            self._crash.at(Point.BEFORE_WIRE)
            self._crash.within(Point.AFTER_WIRE, AN_ANSWER_S)

        outcome = await self._gateway.send(claim, watched)
        self._journal.note(Word.ANSWERED, claim.row, claim.attempt, outcome.kind.value)
        self._crash.at(Point.BEFORE_OUTCOME)
        return outcome


def main(arguments: Sequence[str]) -> int:
    """Run the command that follows `--`."""
    point, passing, seed, journal_path, separator, *command = arguments
    assert separator == "--", arguments
    crash = Crash(Point(point), int(passing), seed=int(seed))
    journal = JournalWriter(Path(journal_path))

    def interpose(ledger: Ledger, gateway: Gateway) -> tuple[Ledger, Gateway]:
        return cast("Ledger", WatchedLedger(ledger, crash, journal)), WatchedGateway(gateway, crash, journal)

    return run(command, interpose=interpose)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
