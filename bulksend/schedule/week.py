"""Times of day, on some days of the week or on all, as people write them; and the minutes of a week that they are."""

import re

DAY_MINUTES = 1440
WEEK_MINUTES = 7 * DAY_MINUTES

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "|".join(_DAYS)
_TIME = "([01][0-9]|2[0-3]):([0-5][0-9])"
_SPAN = re.compile(rf"(?:({_DAY})(?:-({_DAY}))?\s+)?{_TIME}\s*-\s*(?:{_TIME}|24:00)", re.IGNORECASE)


class WrongWindow(Exception):
    """A text is no time of day. Its own text is the end of a sentence that the name of the value begins."""


def minutes_of(text: str, *, days: bool = True) -> bytearray:
    """Return the minutes of a week, from Monday 00:00: 1 for those in `text`, 0 for the others.

    Args:
        text: such as "09:00-20:00", "mon-fri 09:00-20:00", "sat 10:00-16:00". A span that ends before it begins goes
            on past midnight, into a day that need not be among those named. 24:00 is the midnight a day ends with.
        days: whether it may name days.

    Raises:
        WrongWindow: it is none of these, or it ends when it begins.
    """
    found = _SPAN.fullmatch(text.strip())
    if found is None or (found[1] and not days):
        raise WrongWindow('must be a time such as "21:00-08:00"' + (' or "mon-fri 09:00-20:00"' if days else ""))
    begin = int(found[3]) * 60 + int(found[4])
    end = int(found[5]) * 60 + int(found[6]) if found[5] else DAY_MINUTES
    if begin == end:
        raise WrongWindow("must not end when it begins; a whole day is 00:00-24:00")
    length = (end - begin) % DAY_MINUTES or DAY_MINUTES
    week = bytearray(WEEK_MINUTES)
    for day in _days(found[1], found[2]):
        for minute in range(begin, begin + length):
            week[(day * DAY_MINUTES + minute) % WEEK_MINUTES] = 1
    return week


def _days(first: str | None, last: str | None) -> list[int]:
    if first is None:
        return list(range(7))
    begin = _DAYS.index(first.lower())
    end = _DAYS.index((last or first).lower())
    return [(begin + day) % 7 for day in range((end - begin) % 7 + 1)]
