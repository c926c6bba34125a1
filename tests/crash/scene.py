"""Campaigns to be killed and the services that they are sent to: lists, settings, and what kind of day it is."""

import csv
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HEADROOM = 0.01


@dataclass(frozen=True, slots=True)
class Country:
    """Where a bucket's recipients are: the first of their numbers, in a range of 100,000 that are valid."""

    code: str
    first: int


COUNTRIES = (
    Country("DE", 491713900000),
    Country("GB", 447400100000),
    Country("FR", 33612300000),
    Country("NL", 31612300000),
)

LENGTHS = (40, 40, 40, 40, 40, 40, 40, 300, 450, 1500)
"""Characters of the texts: most make one part, some two or three, one in ten makes ten."""


GOOD_DAY = """
[latency]
median_ms = 20
p99_ms = 60
"""

SILENT_DAY = """
[latency]
median_ms = 60000
"""


def bad_day(*, p99_ms: int) -> str:
    """Every fault there is, and one answer in a hundred later than `p99_ms` milliseconds."""
    return f"""
[latency]
median_ms = 20
p99_ms = {p99_ms}
[faults]
throttle = 0.10
internal_error = 0.02
internal_error_after = 0.02
unavailable = 0.02
drop_before = 0.02
drop_after = 0.02
no_reply = 0.01
"""


def patience(*, read_timeout_s: float) -> str:
    """Settings of a campaign that waits so long for answers, and tries again soon."""
    return f"""
[aws]
check_identities = false
read_timeout_s = {read_timeout_s}
[retry]
base_s = 0.05
cap_s = 0.5
"""


def buckets(mps: Sequence[int]) -> dict[str, int]:
    """Name and limit (parts per second) of each bucket, one for each of the first `COUNTRIES`."""
    return {f"ACME{country.code}": limit for country, limit in zip(COUNTRIES, mps, strict=False)}


def write_list(
    file: Path, mps: Mapping[str, int], *, seconds: float, lengths: Sequence[int], dice: random.Random
) -> int:
    """Write a list that takes about `seconds` at the limits, with texts of `lengths`; return its number of rows."""
    lines: list[tuple[str, str]] = []
    for country, limit in zip(COUNTRIES, mps.values(), strict=False):
        parts, number = 0.0, country.first
        while parts < limit * seconds:
            length = dice.choice(lengths)
            parts += max(1.0, length / 153)
            number += dice.randint(1, 20)
            lines.append((f"+{number}", "x" * length))
    dice.shuffle(lines)
    with file.open("w", newline="") as out:
        csv.writer(out).writerows([("phone", "note"), *lines])
    return len(lines)


def campaign_settings(mps: Mapping[str, int], extra: str) -> str:
    """`campaign.toml`: one identity a bucket, each for a country of its own; `extra` is more tables."""
    identities = "".join(
        f'[[identities]]\nid = "{name}"\nmps = {limit}\ncountries = ["{country.code}"]\n'
        for country, (name, limit) in zip(COUNTRIES, mps.items(), strict=False)
    )
    campaign = '[campaign]\nname = "crash"\ntemplate = "{{ note }}"\n'
    return f"{campaign}{extra}[pacing]\nheadroom = {HEADROOM}\n{identities}"


def service_settings(mps: Sequence[int], *, seed: int, extra: str) -> str:
    """`simulator.toml` for the identities of such a campaign; `extra` is more tables."""
    identities = "".join(
        f'[[identities]]\nid = "{name}"\ntype = "sender_id"\ncountry = "{country.code}"\nmps = {limit}\n'
        for country, (name, limit) in zip(COUNTRIES, buckets(mps).items(), strict=False)
    )
    return f"seed = {seed}\nrecord_messages = true\n{extra}{identities}"
