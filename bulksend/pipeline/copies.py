"""The copy of the ledger that a campaign goes on from when its machine is lost, and what a run may send beside it.

The copy in the object store is always older than the ledger. It says which of its pending rows may have been sent
since (`store/copying`), and the run claims no others: first the copy is there that permits them, then they are
claimed. Each copy replaces the one before on the condition that nobody else has replaced it, so of two runs that go
on from one copy the first to write stops the other.
"""

import asyncio
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar

import structlog

from bulksend.base.clock import Clock
from bulksend.base.errors import BulksendError, ExitCode, LedgerError, ServiceStop, UsageError
from bulksend.base.ports import Ledger
from bulksend.objects.refusals import Conflict, NotFound
from bulksend.pipeline.permitted import Permission, guarded
from bulksend.store.copying import (
    CopyRecord,
    Planned,
    discard,
    go_on_from,
    note_record,
    plan_grants,
    read_record,
    snapshot,
)
from bulksend.store.files import beside, real_path
from bulksend.store.group_commit import GroupCommitLedger

log = structlog.get_logger("bulksend.pipeline")

T = TypeVar("T")

AHEAD = 2.0
"""How many intervals between copies a copy permits sending for: the next one may take as long again to arrive."""

FIRST_RETRY_S = 1.0
MAX_RETRY_S = 60.0
"""Between two tries of a copy that cannot be written."""

FINAL_S = 20.0
"""For how long the last copy of a run is tried."""


class TakenOver(ServiceStop):
    """Another machine has gone on from the copy of this ledger: this run must not send any more."""


class Objects(Protocol):
    """Where copies are kept: `objects.s3.S3Objects`."""

    async def download(self, url: str, path: Path) -> str:
        """Write the object into the file `path` and return its ETag. Raises `NotFound`, `UsageError`."""
        ...

    async def upload(self, path: Path, url: str, *, if_match: str | None = None, if_absent: bool = False) -> str:
        """Write the file to the object and return its ETag. Raises `Conflict`, `UsageError`."""
        ...


async def fetch_copy(objects: Objects, url: str, path: Path) -> int | None:
    """Make the copy at `url` the ledger at `path`, where there is none, and whose lock the caller holds.

    Returns how many of its rows are `unknown` because the run that made it may have sent them; None: there is no copy.

    Raises:
        UsageError: the copy cannot be fetched.
        LedgerError: it is no ledger, or cannot be written here.
    """
    fetched = beside(real_path(path), ".fetched")
    try:
        await objects.download(url, fetched)
        lost = await _in_thread(lambda: go_on_from(fetched, path))
    except NotFound:
        return None
    finally:
        discard(fetched)
    log.info("ledger.fetched", copy=url, unknown=lost)
    return lost


class LedgerCopies:
    """Keeps a copy of a ledger up to date, and says which rows the copy permits to claim.

    `start`, then `keep_copying` beside the run, then `finish`. Each copy is complete and of one moment; neither the
    event loop nor the writer of the ledger waits for it.

    Args:
        ledger: open, of this run.
        objects: where copies are kept.
        url: of the copy.
        every_s: seconds between two copies.
        clock: for everything that waits.

    Attributes:
        lost: why nothing may be claimed any more: another machine has taken over; None as long as that is not so.
        on_rise: called when more rows may be claimed.
        permission: what the copy permits.
        on_stop: called with the cause when nothing more may go out.
    """

    def __init__(self, ledger: GroupCommitLedger, objects: Objects, *, url: str, every_s: float, clock: Clock) -> None:
        self._ledger = ledger
        self._path = real_path(ledger.path)
        self._objects = objects
        self._url = url
        self._every_s = every_s
        self._clock = clock
        self._etag: str | None = None  # of the copy that is there; None: there is none
        self._own: list[str] = []  # ids of copies that may be there
        self._there: str | None = None  # id of the copy that was there when it was last looked at
        self.permission = Permission()
        self.lost: TakenOver | None = None
        self.on_rise: Callable[[], None] = lambda: None
        self.on_stop: Callable[[BulksendError], None] = lambda _: None

    async def start(self) -> None:
        """Put the first copy in its place; nothing is permitted before.

        Raises:
            UsageError: it cannot be written or read there, or is another ledger's; nothing was sent.
            LedgerError: the ledger cannot be read or written.
        """
        await self._require_own()
        await self._copy(final=False)

    async def keep_copying(self) -> None:
        """Copy again and again, until cancelled or until another machine takes over; raises nothing."""
        failures = 0
        while self.lost is None:
            if failures:
                await self._clock.sleep(min(MAX_RETRY_S, FIRST_RETRY_S * 2.0 ** min(failures - 1, 10)))
            else:
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._every_s):
                        await self.permission.wanted.wait()
            try:
                await self._copy(final=False)
                failures = 0
            except TakenOver as error:
                self._lose(error)
            except (UsageError, LedgerError) as error:
                failures += 1
                log.warning("ledger.copy_late", copy=self._url, cause=error.what, tries=failures)
            except Exception as error:
                # A fault of ours. Without copies the run would wait for ever for what they permit.
                self.on_stop(BulksendError(f"a fault of ours while the ledger was copied: {type(error).__name__}"))
                raise

    async def bring_up_to_date(self) -> None:
        """Put the last copy in its place, where it is not there: for a ledger in which nothing is left to send.

        Raises what `start` and `finish` raise.
        """
        record = await self._require_own()
        if record is None or not record.final or self._there != record.id:
            await self.finish()

    async def finish(self) -> None:
        """Put the last copy in its place: what is pending in it was not sent. Nothing may be claimed any more.

        Raises:
            TakenOver: another machine has gone on from an earlier copy.
            LedgerError: it could not be written within `FINAL_S`.
        """
        self.permission.withdraw()
        if self.lost is not None:
            return
        cause = "it took too long"
        try:
            async with asyncio.timeout(FINAL_S):
                while True:
                    try:
                        await self._copy(final=True)
                    except TakenOver:
                        raise
                    except (UsageError, LedgerError) as error:
                        cause = error.what
                        await self._clock.sleep(FIRST_RETRY_S)
                    else:
                        return
        except TimeoutError:
            failure = LedgerError(
                f"the last copy of the ledger {self._path} could not be written ({cause})",
                "Keep the ledger, and run the command again",
            )
            failure.exit_code = ExitCode.INTERRUPTED
            raise failure from None

    def frontier(self, bucket: str) -> int | None:
        """As `Permission.frontier`."""
        return self.permission.frontier(bucket)

    def guarded(self, ledger: Ledger) -> Ledger:
        """`ledger`, in which nothing can be claimed but what the copy permits."""
        return guarded(ledger, self.permission)

    async def _require_own(self) -> CopyRecord | None:
        """Refuse a copy that is not this ledger's own; what the ledger says of its last one, if any."""
        record = await _in_thread(lambda: read_record(self._path))
        self._own = [] if record is None else [*record.known]
        if not await self._is_own():
            raise UsageError(
                f"{self._url}: there is the copy of another ledger, or another machine has gone on from it since",
                f"Delete {self._path} to go on from the copy, or name another object in ledger.copy_to",
            )
        return record

    async def _copy(self, *, final: bool) -> None:
        """Put a copy in its place; what it permits may be claimed when this returns."""
        began_s = self._clock.monotonic()
        permission = self.permission
        zones = permission.begin()
        rows = permission.rows_wanted
        planned: Mapping[str, Planned] = {}
        if not final:
            planned = await _in_thread(lambda: plan_grants(self._path, zones, AHEAD * self._every_s))
        # A claim that is under way may have been permitted by a copy of which this one does not know any more.
        async with permission.no_claims():
            # Until this copy is there, what the last one permits is claimed.
            grants = [each.grant for each in (*permission.planned.values(), *planned.values())]
            record = CopyRecord(
                id=secrets.token_hex(16),
                at_ms=round(self._clock.now().timestamp() * 1000),
                before=tuple(self._own),
                final=final,
                grants=() if final else tuple(grants),
                rows=() if final else tuple(sorted(permission.rows | rows)),
            )
            await note_record(self._ledger, record)
        self._own.append(record.id)
        copy = beside(self._path, ".copy")
        discard(copy)
        try:
            await _in_thread(lambda: snapshot(self._path, copy))
            size = copy.stat().st_size
            await self._put(copy)
        finally:
            discard(copy)
        self._own = [record.id]
        seconds = round(self._clock.monotonic() - began_s, 3)
        log.info("ledger.copied", copy=self._url, bytes=size, seconds=seconds, final=final)
        if not final:
            permission.rise(planned, rows)
            self.on_rise()

    async def _put(self, copy: Path) -> None:
        try:
            self._etag = await self._objects.upload(copy, self._url, if_match=self._etag, if_absent=self._etag is None)
        except Conflict:
            # It may be an attempt of ours that arrived after it had been given up.
            if not await self._is_own():
                raise TakenOver(
                    f"{self._url}: another machine has gone on from this copy of the ledger; nothing more is sent here",
                    "Let it go on, and leave this ledger alone",
                ) from None
            raise

    async def _is_own(self) -> bool:
        """Whether the copy that is there, if any, was made of this ledger; its ETag is what the next one replaces."""
        found = beside(self._path, ".found")
        try:
            etag = await self._objects.download(self._url, found)
            record = await _in_thread(lambda: read_record(found))
        except NotFound:
            self._etag = self._there = None
            return True
        finally:
            discard(found)
        self._etag, self._there = etag, None if record is None else record.id
        return self._there in self._own

    def _lose(self, error: TakenOver) -> None:
        self.lost = error
        self.permission.withdraw()
        log.error("ledger.taken_over", copy=self._url)
        self.on_stop(error)


async def _in_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns. A caller that is cancelled waits for its end: it may be writing a file."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
