"""Two hundred kills without faults and two hundred with them: `python -m pytest -m long tests/crash -s`."""

import random
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from statistics import median

import pytest

from tests.crash.harness import Campaign, Ended, Kill, Moment, finish
from tests.crash.points import Point
from tests.crash.scene import GOOD_DAY, bad_day, patience, service_settings
from tests.support.command import simulator

KILLS = 200

FIRST_SEED = 0
"""Of the first campaign; each further one has the next."""

MPS = (5, 20, 50, 100)

GOOD_DAYS = ((GOOD_DAY, ""),)

BAD_DAYS = (
    (bad_day(p99_ms=3_000), patience(read_timeout_s=2)),
    (bad_day(p99_ms=30_000), patience(read_timeout_s=5)),
    (bad_day(p99_ms=30_000), patience(read_timeout_s=35)),
)
"""Answers take up to 30 s; the last of these waits for them."""


def draw_kill(dice: random.Random) -> Kill:
    """Seven in ten at a point, the others at any moment."""
    if dice.random() < 0.3:
        moment = dice.choice((Moment.START_UP, Moment.ANY, Moment.ANY))
        return Kill(moment=moment, delay_s=dice.uniform(0.0, 0.5 if moment is Moment.START_UP else 3.0))
    point = dice.choice([point for point in Point if point is not Point.NOWHERE])
    return Kill(point, dice.randint(1, 12 if point.value.endswith("_intent") else 150))


def kills_of(campaign: Campaign, dice: random.Random) -> Iterator[Ended]:
    """Kill `campaign` until it is at its end; a run that came to its end before its kill is no kill."""
    for number in count():
        planning = Kill(moment=Moment.PLANNING, delay_s=dice.uniform(0.0, 0.2))
        ended = campaign.run(planning if number < 2 and not campaign.ledger.exists() else draw_kill(dice))
        if ended.was_killed:
            yield ended
        if campaign.open_rows == 0:
            return


def print_table(title: str, kills: list[Ended], rates: list[str]) -> None:
    """What each kind of kill left unknown: median and most, and the bound where it came nearest to it."""
    kinds: dict[str, list[Ended]] = defaultdict(list)
    for ended in kills:
        kinds[ended.kill.label].append(ended)
    print(f"\n{title}: {len(kills)} kills")  # noqa: T201 - a table for whoever runs this
    print(f"{'kill':<18}{'kills':>6}{'median':>8}{'most':>6}{'bound':>7}")  # noqa: T201
    for label, each in [*sorted(kinds.items()), ("all", kills)]:
        worst = max(each, key=lambda ended: ended.unknown)
        bound = sum(toll.most for toll in worst.tolls.values())
        print(f"{label:<18}{len(each):>6}{median(e.unknown for e in each):>8.0f}{worst.unknown:>6}{bound:>7}")  # noqa: T201
    print("fullest second let out, parts of the limit: " + "; ".join(rates))  # noqa: T201


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.parametrize("days", [GOOD_DAYS, BAD_DAYS], ids=["without_faults", "with_faults"])
def test_two_hundred_kills(days: tuple[tuple[str, str], ...], tmp_path: Path) -> None:
    """Campaign after campaign, killed until it is through: nobody twice, nothing lost, and little unknown each time."""
    kills: list[Ended] = []
    rates: list[str] = []
    for number in count(FIRST_SEED):
        service, settings = days[number % len(days)]
        folder = tmp_path / str(number)
        folder.mkdir()
        with simulator(folder, service_settings(MPS, seed=number, extra=service)) as running:
            campaign = Campaign(folder, running, mps=MPS, seconds=30, seed=number, extra=settings)
            for ended in kills_of(campaign, random.Random(f"kills of {number}")):
                kills.append(ended)
                if len(kills) == KILLS:
                    break
            finish(campaign)
            fullest = campaign.fullest_seconds()
            rates.append(" ".join(f"{fullest[name]}/{limit}" for name, limit in campaign.mps.items()))
        if len(kills) == KILLS:
            break
    print_table("with faults" if days is BAD_DAYS else "without faults", kills, rates)
