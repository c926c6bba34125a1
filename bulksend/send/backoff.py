"""How long a message waits before it asks the meter again."""

import random


class Backoff:
    """Exponential backoff with full jitter (Marc Brooker, AWS Architecture Blog, 2015).

    The wait before attempt n + 1 is drawn evenly from 0 to min(cap_s, base_s * 2 ** (n - 1)): after the first failure
    from 0 to `base_s`, after the second from 0 to twice that.

    Args:
        base_s: seconds.
        cap_s: seconds.
        random: where the jitter comes from.
    """

    __slots__ = ("_base_s", "_cap_s", "_random")

    def __init__(self, *, base_s: float, cap_s: float, random: random.Random) -> None:
        self._base_s = base_s
        self._cap_s = cap_s
        self._random = random

    def wait_s(self, failures: int) -> float:
        """Seconds to wait after the `failures`-th failure in a row, from 1."""
        # 2.0 ** 1024 overflows, and long before that the cap has decided
        return self._random.uniform(0.0, min(self._cap_s, self._base_s * 2.0 ** min(failures - 1, 60)))
