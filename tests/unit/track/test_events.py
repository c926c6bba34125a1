from bulksend.base.records import DeliveryEvent
from bulksend.track import Other, Unreadable, read_events
from tests.unit.track.samples import EVENT, VOICE, compact, logs_output, sns


def test_a_file_of_everything_is_read_in_order() -> None:
    """Events, other records and damage come as they are found, each with its line."""
    lines = [
        compact(EVENT),
        compact(sns(VOICE)),
        compact(EVENT)[:-3],
        compact(logs_output(EVENT, VOICE, EVENT)),
        compact({**EVENT, "messageId": ""}),
    ]
    found = list(read_events(["\n".join(lines).encode()]))
    kinds = [type(each) for each in found]
    assert kinds == [DeliveryEvent, Other, Unreadable, DeliveryEvent, Other, DeliveryEvent, Unreadable]
    assert [each.line for each in found if not isinstance(each, DeliveryEvent)] == [2, 3, 4, 5]
