"""What a ledger says of its last minutes, for those who watch a campaign from another terminal."""

from collections.abc import Mapping
from datetime import datetime

from bulksend.store.figures import NO_REASON
from bulksend.store.reading import ReadableLedger
from bulksend.store.schema import from_milliseconds, to_milliseconds

_REFUSED = """
SELECT states.finished_at, buckets.name, states.reason FROM states INDEXED BY states_finished
JOIN buckets ON buckets.id = states.bucket
WHERE states.finished_at >= ? AND (states.status = 'failed' OR states.status = 'unknown')
ORDER BY states.finished_at DESC LIMIT ?
"""

_THROTTLED = """
SELECT buckets.name, sum(samples.throttled) FROM samples JOIN buckets ON buckets.id = samples.bucket
WHERE samples.at >= ? GROUP BY buckets.name
"""


class LatestLedger(ReadableLedger):
    """A ledger that is looked at again and again while it is being written. Opened by `open_for_reading`."""

    def refused_since(self, moment: datetime, *, most: int) -> list[tuple[datetime, str, str]]:
        """Rows that failed, or became unknown, at or after `moment`: when, bucket and reason, the latest first."""
        found = self._read(_REFUSED, (to_milliseconds(moment), most))
        return [(from_milliseconds(at), bucket, reason or NO_REASON) for at, bucket, reason in found]

    def throttled_since(self, moment: datetime) -> Mapping[str, int]:
        """Throttled answers at or after `moment`, by bucket; of buckets that were sampled since."""
        return dict(self._read(_THROTTLED, (to_milliseconds(moment),)))
