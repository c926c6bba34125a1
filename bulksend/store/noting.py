"""What a run notes beside the rows: limits, settings, its own beginning and end, how fast it went, what happened."""

import json
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from math import inf

from bulksend.base.progress import RunEnd, Sample
from bulksend.store import statements as sql
from bulksend.store.faults import LedgerMisuse
from bulksend.store.schema import to_milliseconds
from bulksend.store.writing import WritableLedger


class NotingLedger(WritableLedger):
    """A ledger that a run makes its notes in. All of them take part in the caller's `transaction()`."""

    _run: int | None = None

    def set_settings(self, campaign: Mapping[str, object]) -> None:
        """Change how fast and by which way the campaign is sent to what holds now; `campaign`: all of its settings."""
        self.write("UPDATE meta SET value = ? WHERE key = 'campaign'", (json.dumps(campaign),))
        self.campaign = campaign

    def set_mps(self, mps: Mapping[str, int]) -> None:
        """Change the limits of buckets (name -> parts per second) to those that hold now.

        What the service seemed to allow is forgotten where the limit is another than before.
        """
        self._require_buckets(mps)
        self.write(sql.SET_MPS, {"limits": json.dumps(mps)})

    def note_allowed(self, allowed: Mapping[str, float | None]) -> None:
        """Record what the service seems to allow, as `Ledger.note_allowed` says."""
        self._require_buckets(allowed)
        for name, parts_per_second in allowed.items():
            if parts_per_second is not None and not 0 < parts_per_second < inf:
                raise LedgerMisuse(f"the bucket {name!r} cannot be allowed {parts_per_second} parts a second")
        self.write(sql.NOTE_ALLOWED, {"allowed": json.dumps(allowed), "now": self.now_ms()})

    def add_samples(self, samples: Sequence[Sample]) -> None:
        """Record how fast buckets went."""
        batch = [
            (
                to_milliseconds(each.at),
                self._bucket_number(each.bucket),
                each.messages,
                each.parts,
                each.throttled,
                each.allowed,
                each.in_flight,
            )
            for each in samples
        ]
        self.write(sql.ADD_SAMPLES, {"batch": json.dumps(batch)})

    def note_event(self, event: str, detail: Mapping[str, object]) -> None:
        """Write `event` into the journal, as `Ledger.note_event` says."""
        self.write(sql.NOTE_EVENT, (self.now_ms(), event, json.dumps(detail)))

    def start_run(self) -> None:
        """Note that this process begins to send."""
        self.write(sql.START_RUN, (os.getpid(), socket.gethostname(), self.now_ms()))
        ((self._run,),) = self._read("SELECT max(id) FROM runs")

    def amend_run(self, end: RunEnd, cause: str) -> None:
        """Note that the run that has ended last ended otherwise than it could know itself."""
        self.write(sql.AMEND_RUN, (end, cause))

    def finish_run(self, end: RunEnd, cause: str | None, *, throttled: int) -> None:
        """Note how the run that this process started has ended, and how many throttled answers it had in all."""
        if self._run is None:
            raise LedgerMisuse("a run was finished that was not started")
        self.write(sql.FINISH_RUN, (self.now_ms(), end, cause, throttled, self._run))

    def _require_buckets(self, names: Iterable[str]) -> None:
        for name in names:
            self._bucket_number(name)

    def _bucket_number(self, name: str) -> int:
        try:
            return self._bucket_numbers[name]
        except KeyError:
            raise LedgerMisuse(f"the bucket {name!r} is not one of the campaign's") from None

    @cached_property
    def _bucket_numbers(self) -> Mapping[str, int]:
        return dict(self._read("SELECT name, id FROM buckets"))
