import asyncio
import gc
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulksend.base.clock import SystemClock
from bulksend.base.progress import RunEnd
from bulksend.config.load import load_settings
from bulksend.pipeline.plan import make_plan
from bulksend.pipeline.policy import SendPolicy, SendResult
from bulksend.pipeline.sending import Sender
from bulksend.send.aws import AwsGateway
from bulksend.send.client import Access
from bulksend.store.group_commit import GroupCommitLedger
from tests.support.command import simulator
from tests.support.watched import WatchedLoop

MPS = 5_000
ROWS = 12_000

HOLDS_S = 0.01
"""How long one callback may hold the loop: a message that is let out later than that loses capacity (`rate.meter`)."""

SIMULATOR = f"""
[account]
messages_per_recipient_per_second = 0
[[identities]]
id = "+18885550100"
type = "long_code"
country = "US"
mps = {2 * MPS}
"""


@pytest.fixture
def unfrozen() -> Iterator[None]:
    """What a test has frozen is collected again after it."""
    yield
    gc.unfreeze()


def plan(folder: Path) -> Path:
    """The ledger of a campaign of `ROWS` rows, with columns and a text of some length."""
    (folder / "list.csv").write_text(
        "phone,first_name,code\n" + "".join(f"+1425{2_000_000 + row},Ann,{row:06}\n" for row in range(ROWS))
    )
    (folder / "bulksend.toml").write_text(f"""
[campaign]
name = "watched"
template = "Hi {{{{ first_name }}}}, your code for the night of the long lists is {{{{ code }}}}. Show it at the door."
[[identities]]
id = "+18885550100"
mps = {MPS}
""")
    ledger = folder / "watched.db"
    settings = load_settings(folder / "bulksend.toml", environ={})
    make_plan(settings, str(folder / "list.csv"), ledger, clock=SystemClock())
    return ledger


async def send(path: Path, url: str) -> SendResult:
    """Send all of the ledger at `path` with the real parts."""
    clock = SystemClock()
    access = Access(
        region="us-east-1",
        endpoint_url=url,
        credentials=("local", "local"),
        connect_timeout_s=5.0,
        read_timeout_s=30.0,
        max_connections=500,
    )
    policy = SendPolicy(
        headroom=0.01, base_s=0.25, cap_s=20.0, give_up_after_s=900.0, resend_unknown=False, max_in_flight=500
    )
    async with AwsGateway({}, access, clock=clock) as gateway, GroupCommitLedger(path, clock=clock) as ledger:
        assert gateway.transport == "express"
        await ledger.start_run()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, WatchedLoop)
        gc.collect()
        gc.freeze()  # as `cli.running` does; else all that the tests have imported is looked through
        await asyncio.sleep(0)
        loop.longest_s = 0.0  # start-up may take its time
        return await Sender(ledger, gateway, clock=clock, random=random.Random(1), policy=policy).run(asyncio.Event())


@pytest.mark.usefixtures("unfrozen")
def test_nothing_holds_the_loop_at_the_limit(tmp_path: Path) -> None:
    """At 5,000 parts a second, with the real ledger and real connections, no callback takes more than 10 ms."""
    ledger = plan(tmp_path)
    with simulator(tmp_path, SIMULATOR) as running, asyncio.Runner(loop_factory=WatchedLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, WatchedLoop)
        result = runner.run(send(ledger, running.url))
        assert result.end is RunEnd.COMPLETE
        assert running.stats()["messages"]["accepted"] == ROWS
        assert loop.longest_s < HOLDS_S, loop.longest
