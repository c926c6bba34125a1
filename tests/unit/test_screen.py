from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len

from bulksend.base.progress import Phase, RunState
from bulksend.base.records import Status
from bulksend.report.picture import BucketPicture, Left, Picture, Stop, Trouble, hints
from bulksend.report.screen import Room, screen

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def a_bucket(
    name: str, *, left: float | Left = 100.0, slower: str = "", held: int = 0, throttled: int = 0, mps: int = 10
) -> BucketPicture:
    """A bucket at two fifths of its way."""
    return BucketPicture(
        bucket=name, mps=mps, allowed=0.5 * mps if slower else mps, rate=0.9 * mps, messages=1000,
        messages_done=1000 if left is Left.DONE else 400, held=held, throttled=throttled, slower=slower, left=left,
    )  # fmt: skip


def a_picture(*buckets: BucketPicture, state: RunState | None = RunState(), **others: object) -> Picture:  # noqa: B008
    """A campaign with these buckets and two refused routes."""
    fields = {
        "by_status": {Status.SENT: 12_345_678, Status.FAILED: 1234, Status.UNKNOWN: 3, Status.PENDING: 87_654_321},
        "throttled": 4411,
        "stops": (Stop("+18885550107", None, "resource_not_active"), Stop("ACME", "GB", "country_not_enabled")),
        "troubles": (Trouble(NOW, "+18885550107", "opted_out", 412), Trouble(None, "", "spend_limit_reached", 1)),
        "hints": hints("sale.db", Phase.SENDING),
        **others,
    }
    return Picture(campaign="sale", now=NOW, state=state, buckets=buckets, **fields)  # type: ignore[arg-type]


def shown(picture: Picture, width: int = 80, height: int = 23, *, ascii: bool = False) -> list[str]:  # noqa: A002
    """The lines as text."""
    return [line.plain.rstrip() for line in screen(picture, Room(width, height, ascii, UTC))]


THIRTY = [a_bucket(f"+188855501{number:02}", left=float(number)) for number in range(30)]


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 119, 120, 160, 250])
@pytest.mark.parametrize("height", [1, 2, 3, 5, 8, 12, 23, 49])
@pytest.mark.parametrize("count", [0, 1, 3, 30, 100])
def test_it_never_scrolls_and_never_wraps(width: int, height: int, count: int) -> None:
    """Whatever there is to show, it is no wider and no longer than the terminal."""
    names = [f"{'通' * 40}{number}" if number % 7 == 3 else f"arn:aws:sms-voice/{number}" for number in range(count)]
    buckets = [a_bucket(name, left=1e7, held=10**6, throttled=10**6, slower="operator", mps=9999) for name in names]
    lines = shown(a_picture(*buckets), width, height)
    assert len(lines) <= height
    assert max(map(cell_len, lines)) <= width


def test_thirty_buckets_at_80_by_24() -> None:
    """Those with trouble come first, then those that take longest; the others are one line, and nothing is lost."""
    buckets = [
        *THIRTY[:-2],
        a_bucket("+18885550128", left=Left.HELD, held=600),
        a_bucket("+18885550129", left=2.0, slower="throttled", throttled=9),
    ]
    lines = shown(a_picture(*buckets))
    names = [line.split()[0] for line in lines if line.startswith("+1888")]
    assert names[:4] == ["+18885550128", "+18885550129", "+18885550127", "+18885550126"]
    rest = 30 - len(names)
    assert any(line.startswith(f"{rest} more: {400 * rest:,}/{1000 * rest:,} messages") for line in lines)
    assert len(names) >= 10
    text = "\n".join(lines)
    for word in ("5 of 10", "held", "opted out: 412 times", "throttled 4,411", "unknown 3", "failed 1,234", "12:00:00",
                 "refused   +18885550107 to any country: resource not active"):  # fmt: skip
        assert word in text


def test_few_buckets_stay_in_their_order() -> None:
    """Where all have room, none changes its place while somebody reads."""
    lines = shown(a_picture(*THIRTY[:5]))
    assert [line.split()[0][-2:] for line in lines if line.startswith("+1888")] == ["00", "01", "02", "03", "04"]
    assert lines[-1] == "bulksend pause sale.db   bulksend status sale.db --watch"


def test_the_room_of_a_wide_terminal_is_used() -> None:
    """At 160 columns there are bars, the time of day at which each bucket is done, and why one is slow."""
    picture = a_picture(
        *THIRTY[:4], a_bucket("slow", slower="operator"), a_bucket("slower", slower="throttled", held=3)
    )
    lines = shown(picture, 160, 49)
    (slow,), (slower,) = ([line for line in lines if line.startswith(f"{name} ")] for name in ("slow", "slower"))
    assert slow.endswith("12:01:40  turned down")
    assert slower.endswith("learnt, 3 held")
    assert "━━━━━━━━━━──────────────" in slow
    assert any("done at" in line and "parts/s" in line for line in lines)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (RunState(), ["sending", "done at 12:01:40, in 1 min 40 s"]),
        (RunState(Phase.PAUSED, "operator"), ["paused (operator)"]),
        (
            RunState(Phase.WAITING, "quiet_hours", NOW + timedelta(hours=30)),
            ["waiting (quiet hours) until 25 Nov 18:00", "done at 25 Nov 18:01"],
        ),
        (RunState(Phase.STOPPING), ["stopping: the last answers are awaited"]),
    ],
)
def test_what_the_run_is_doing_is_said_first(state: RunState, words: list[str]) -> None:
    """Phase, why and until when; a time at which all is done only where somebody can tell."""
    title = shown(a_picture(a_bucket("a"), state=state))[0]
    assert all(word in title for word in words)
    assert ("done at" in title) == (len(words) == 2)


def test_a_campaign_that_nobody_sends_and_one_that_is_done() -> None:
    """The first line says so."""
    standing = "interrupted: nobody sends it"
    assert shown(a_picture(a_bucket("a"), state=None, standing=standing))[0] == f"sale  {standing}"
    assert shown(a_picture(a_bucket("a", left=Left.DONE)))[0] == "sale  complete"


def test_a_terminal_that_knows_only_ascii() -> None:
    """No character of it has to be guessed, and a bar still shows how far it is."""
    lines = shown(a_picture(*THIRTY, a_bucket("x" * 90, slower="operator")), 70, ascii=True)
    text = "\n".join(lines)
    assert text.isascii()
    assert "####" in text
    assert "~" in text
