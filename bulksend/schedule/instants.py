"""Moments as people write them."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_MEANING = 'must be a date and a time such as "2026-11-27T09:00" or "2026-11-27T09:00+01:00"'


_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:?\d\d)?", re.ASCII | re.IGNORECASE
)
"""Narrower than `datetime.fromisoformat`, which takes any sign between date and time, such as that of an offset."""


class WrongMoment(Exception):
    """A text is no moment. Its own text is the end of a sentence that the name of the value begins."""


def moment_of(text: str, zone: str) -> datetime:
    """Return the moment that `text` says, in UTC.

    Args:
        text: a date and a time in ISO 8601, with an offset or without.
        zone: where its time is, if it has no offset; IANA name, "" for UTC.

    Raises:
        WrongMoment: it is no such text; or there is no such time in `zone`, because clocks go forward over it, or it
            is there twice, because they go back: which one is meant only the writer knows.
    """
    if _MOMENT.fullmatch(text) is None:
        raise WrongMoment(_MEANING)
    try:
        written = datetime.fromisoformat(text)
        if written.tzinfo is not None:
            return written.astimezone(UTC)
        local = written.replace(tzinfo=ZoneInfo(zone or "UTC"))
        first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
    except (ValueError, OverflowError):
        raise WrongMoment(_MEANING) from None
    if first == second:
        return first
    # Where clocks go back the later reading is the second one; where they go forward both are made up.
    happens = "occurs twice" if first < second else "does not exist"
    offset = _offset(first - timedelta(days=1), zone)
    raise WrongMoment(
        f"{happens} in {zone} on {written:%Y-%m-%d}, because clocks are changed; write it with its offset, such as"
        f" {text}{offset}"
    )


def _offset(at: datetime, zone: str) -> str:
    """The offset of `zone` at a moment, such as "+01:00"."""
    return at.astimezone(ZoneInfo(zone)).isoformat()[-6:]
