"""Numbers and names as people read them."""

from collections.abc import Sequence


def duration(seconds: float) -> str:
    """A duration as people say it: 8 s, 4 min 10 s, 2 h 05 min, 3 d 4 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 48 * 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def cut(text: str, width: int) -> str:
    """`text` in at most `width` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"


def listed(names: Sequence[str], most: int) -> str:
    """The first `most` of `names`, and how many there are beyond: "US, CA and 3 more"."""
    rest = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
