"""From the bytes of a file to the delivery events in it."""

from collections.abc import Iterable, Iterator

from bulksend.base.records import DeliveryEvent
from bulksend.track.envelopes import unwrap
from bulksend.track.fields import to_event
from bulksend.track.values import Other, Unreadable, read_values


def read_events(blocks: Iterable[bytes]) -> Iterator[DeliveryEvent | Unreadable | Other]:
    """Yield all that is in `blocks`, in order: events of text messages, other records, and what cannot be read.

    Args:
        blocks: the decompressed bytes, in blocks of any size; see `read_values` and `unwrap` for the forms.
    """
    for found in read_values(blocks):
        if isinstance(found, Unreadable):
            yield found
            continue
        line, value = found
        for record in unwrap(value, line):
            if not isinstance(record, dict):
                yield record
                continue
            event = to_event(record)
            if event is None:
                yield Other(line)
            else:
                yield Unreadable(line, event) if isinstance(event, str) else event
