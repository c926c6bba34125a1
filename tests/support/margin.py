"""How far what a simulator saw in real time may be from what was let out."""


def at_most(limit: int) -> int:
    """What a simulator may see in a second over real HTTP of something that keeps to `limit`."""
    # A process that stalls, here for half a second at most, is late in looking at its sockets, and what came meanwhile
    # seems to come at once. A limiter that lets out twice the limit is still found. The strict limit is judged on the
    # virtual clock (tests/simulated) and, at release, by the crash journal (tests/crash).
    return limit + max(2, limit // 2)
