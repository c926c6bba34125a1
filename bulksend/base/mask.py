"""Phone numbers as they may be shown: enough to tell two apart, not enough to call."""


def mask_number(number: str | None) -> str:
    """Return `number` with all but its first three and last two characters starred: `+14*******23`.

    Numbers of seven characters and fewer (short codes among them) keep only the last two; None becomes "-".
    """
    if number is None:
        return "-"
    head = 3 if len(number) > 7 else 0
    return number[:head] + "*" * max(0, len(number) - head - 2) + number[-2:]
