"""The ledger of a run that keeps a copy: rows are claimed as far as the copy permits it, and no further."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

from bulksend.base.ports import ANY, Among, Behind, Choose, Diverted, Ledger
from bulksend.base.records import Claim
from bulksend.store.copying import Planned


class Permission:
    """What the copy that is in its place permits to claim, and what is asked of the next one.

    Attributes:
        planned: bucket -> what may be claimed there; a bucket that is missing: nothing.
        rows: these too, where they alone are asked for.
        rows_wanted: asked of the next copy.
        wanted: set when a copy is wanted before its time.
    """

    def __init__(self) -> None:
        self.planned: dict[str, Planned] = {}
        self.rows: frozenset[int] = frozenset()
        self.rows_wanted: frozenset[int] = frozenset()
        self.wanted = asyncio.Event()
        self._zones: dict[str, tuple[int, ...]] = {}
        self._moved: set[str] = set()  # buckets that got rows of others since the next copy was begun
        self._withdrawn = False
        self._claims = 0
        self._barred = 0
        self._changed = asyncio.Condition()

    def begin(self) -> dict[str, tuple[int, ...]]:
        """A copy is begun. Returns for each bucket the zones in which rows were last asked for."""
        self._moved.clear()
        self.wanted.clear()
        return dict(self._zones)

    def rise(self, planned: Mapping[str, Planned], rows: frozenset[int]) -> None:
        """The copy that was begun is in its place, and permits `planned` and `rows`."""
        if not self._withdrawn:
            # Where rows were moved since, it has them elsewhere.
            self.planned |= {bucket: each for bucket, each in planned.items() if bucket not in self._moved}
            self.rows |= rows

    def withdraw(self) -> None:
        """Nothing may be claimed any more."""
        self._withdrawn = True
        self.planned.clear()
        self.rows = frozenset()

    def frontier(self, bucket: str) -> int | None:
        """The highest row of `bucket` that is permitted; None: there is none that is not."""
        planned = self.planned.get(bucket)
        if planned is None:
            return 0
        return planned.grant.last if planned.has_more else None

    @asynccontextmanager
    async def no_claims(self) -> AsyncIterator[None]:
        """No claim is under way while the block lasts."""
        async with self._changed:
            self._barred += 1
        try:
            async with self._changed:
                await self._changed.wait_for(lambda: not self._claims)
            yield
        finally:
            async with self._changed:
                self._barred -= 1
                self._changed.notify_all()

    @asynccontextmanager
    async def claiming(self, bucket: str, among: Among) -> AsyncIterator[Among | None]:
        """A claim is under way while the block lasts, of what of `among` is permitted; None: of nothing."""
        async with self._changed:
            await self._changed.wait_for(lambda: not self._barred)
            self._claims += 1
        try:
            yield self._limited(bucket, among)
        finally:
            async with self._changed:
                self._claims -= 1
                self._changed.notify_all()

    def ran_dry(self, bucket: str) -> None:
        """Nothing was left in `bucket` of what is permitted."""
        if self.frontier(bucket) is not None:
            self.wanted.set()

    def moved_into(self, buckets: Collection[str] | None) -> None:
        """Rows of others are in `buckets` now (None: in any): the copy has them elsewhere, and does not permit them."""
        if buckets is None:
            buckets = self.planned.keys() | self._zones.keys()
        for bucket in buckets:
            self.planned.pop(bucket, None)
            self._moved.add(bucket)
        self.wanted.set()

    def _limited(self, bucket: str, among: Among) -> Among | None:
        if among.rows is not None:
            if self.rows.issuperset(among.rows):
                return among
            self.rows_wanted = frozenset(among.rows)
            self.wanted.set()
        self._zones[bucket] = among.zones
        planned = self.planned.get(bucket)
        zones = tuple(zone for zone in among.zones if planned is not None and zone in planned.grant.zones)
        if len(zones) < len(among.zones):
            self.wanted.set()
        if planned is None or not zones:
            return None
        last = planned.grant.last
        return replace(among, zones=zones, last=last if among.last is None else min(last, among.last))


def guarded(ledger: Ledger, permission: Permission) -> Ledger:
    """`ledger`, in which nothing can be claimed that is not permitted."""
    return cast("Ledger", _GuardedLedger(ledger, permission))


class _GuardedLedger:
    """All that the port `Ledger` is, with a `claim` and a `divert` of its own."""

    def __init__(self, ledger: Ledger, permission: Permission) -> None:
        self._ledger = ledger
        self._permission = permission

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    async def claim(
        self, bucket: str, *, parts: int, rows: int, oversized: bool = True, among: Among = ANY
    ) -> Sequence[Claim]:
        """As `Ledger.claim`; empty also where nothing more is permitted yet."""
        async with self._permission.claiming(bucket, among) as permitted:
            if permitted is None:
                return []
            claims = await self._ledger.claim(bucket, parts=parts, rows=rows, oversized=oversized, among=permitted)
        if oversized and not claims:
            self._permission.ran_dry(bucket)
        return claims

    async def divert(self, reason: str, behind: Behind, choose: Choose | None = None) -> Diverted:
        """As `Ledger.divert`. What is moved waits for the copy that has it in its new bucket."""
        if choose is None:
            return await self._ledger.divert(reason, behind)
        async with self._permission.no_claims():
            try:
                diverted = await self._ledger.divert(reason, behind, choose)
            except BaseException:
                self._permission.moved_into(None)
                raise
            if diverted.moved:
                self._permission.moved_into(diverted.moved.keys())
            return diverted
