"""How long the service may still try to hand a message over, where a campaign has a deadline."""

from dataclasses import dataclass
from datetime import datetime

from bulksend.base.request import MAX_TIME_TO_LIVE_S, MIN_TIME_TO_LIVE_S

MARGIN_S = 2
"""What TimeToLive is less than the time that is left: the service counts from when it has the request, which is on its
way then, and may have waited for its turn before that."""

LAST_CALL_S = MIN_TIME_TO_LIVE_S + MARGIN_S
"""How long before its deadline a campaign's last message may go out: the service takes no shorter TimeToLive."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment after which no message of a campaign is handed over.

    Attributes:
        at: that moment; aware.
        longest_s: TimeToLive as long as the deadline is further away; seconds.
    """

    at: datetime
    longest_s: int = MAX_TIME_TO_LIVE_S

    def time_to_live(self, now: datetime) -> int:
        """TimeToLive of a message that goes out at `now`, whole seconds.

        With less than `LAST_CALL_S` left it is the service's least, which is too long: such a message must not go out.
        """
        left_s = int((self.at - now).total_seconds()) - MARGIN_S
        return max(MIN_TIME_TO_LIVE_S, min(self.longest_s, left_s))
