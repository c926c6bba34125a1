"""How late a bucket may be and still catch up; the meter keeps to it, and the plan counts with it."""

BURST_S = 0.01
"""How late a timer may be without capacity being lost: what it missed is caught up with, and no more.

Strict spacing at rate r with a tolerance of t seconds puts at most floor((1 + t) r) + 1 single parts into a half-open
second; with t = 10 ms and a headroom of 1 % that is the limit itself or less, at every rate.
"""

MAX_CREDIT_S = 0.05
MIN_MAX_CREDIT = 10.0
"""What a wait at the window or at a shared limit, or a timer that was very late, keeps a bucket from using, it may use
later: so much time at its rate, or so many parts where that is more."""
