"""`from bulksend import Campaign, plan, send`: campaigns out of a program, against the simulator, without a command."""

import asyncio
import gc
import io
import resource
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest
import structlog

from bulksend import (
    Campaign,
    CampaignChanged,
    CampaignStopped,
    Interrupted,
    LedgerError,
    Notice,
    Progress,
    Question,
    Summary,
    plan,
    resume,
    send,
    status,
)
from bulksend.api.notices import GoingOn, Planned, Recovered, ResendingUnknown
from bulksend.base.errors import ExitCode
from bulksend.base.progress import RunEnd
from bulksend.cli.demonstrating import RunningSimulator
from tests.support.command import simulator, wait_until

SETTINGS = """
[campaign]
name = "library"
template = "Hi {{ name }}"
[recipients]
default_country = "DE"
[[identities]]
id = "ACME"
mps = 100
countries = ["DE"]
[aws]
check_identities = false
region = "us-east-1"
"""

SERVICE = """
[latency]
median_ms = 10
p99_ms = 30
[[identities]]
id = "ACME"
type = "sender_id"
country = "DE"
countries = ["DE"]
mps = 100
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSimulator]:
    """One simulator for all of them."""
    with simulator(tmp_path_factory.mktemp("service"), SERVICE) as running:
        yield running


def campaign_at(url: str, folder: Path, *overrides: str) -> Campaign:
    """A campaign of the settings above, at `url`."""
    file = folder / "campaign.toml"
    file.write_text(SETTINGS)
    # The simulator counts what it gets twice by campaign and row.
    overrides = (f"aws.endpoint_url={url}", f"campaign.name={folder.name[:40]}", *overrides)
    return Campaign.load(file, overrides=overrides, credentials=("made", "up"))


@pytest.fixture(autouse=True)
def untouched_logs() -> Iterator[None]:
    """Logs as a program finds them that has not set them up; other tests leave theirs."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


def list_of(rows: int, folder: Path, *, first: int = 0) -> Path:
    """A list with as many people."""
    file = folder / "list.csv"
    lines = "".join(f"+4915123{first + number:06},Ann\n" for number in range(rows))
    file.write_text("phone,name\n" + lines)
    return file


def test_two_campaigns_at_once_in_a_thread_of_a_program_that_stays_as_it_was(
    service: RunningSimulator, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Planned, confirmed, sent, told every second, and summed up; no signal, limit or threshold is touched."""
    folders = [tmp_path / "one", tmp_path / "two"]
    for each in folders:
        each.mkdir()
    progress: dict[Path, list[Progress]] = {folder: [] for folder in folders}
    questions: list[Question] = []
    summaries: list[Summary] = []

    async def agreed(question: Question) -> bool:
        await asyncio.sleep(0)
        questions.append(question)
        return True

    async def one(folder: Path, first: int) -> Summary:
        campaign, people = campaign_at(service.url, folder), list_of(120, folder, first=first)
        planned = await plan(campaign, people)
        assert (planned.totals.sendable, planned.document()["rows"]) == (120, 120)
        return await send(campaign, people, ledger=folder / "l.db", confirm=agreed, on_progress=progress[folder].append)

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(folder, 1000 * number)) for number, folder in enumerate(folders)]
        summaries.extend(task.result() for task in tasks)

    def process() -> tuple[object, ...]:
        signals = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]
        return (*signals, resource.getrlimit(resource.RLIMIT_NOFILE), gc.get_threshold(), gc.get_freeze_count())

    before = process()
    thread = Thread(target=lambda: asyncio.run(both()))
    thread.start()
    thread.join(60)
    assert process() == before
    assert "".join(capfd.readouterr()) == ""
    assert [question.messages for question in questions] == [120, 120]
    for folder, summary in zip(folders, summaries, strict=True):
        assert (summary.rows, summary.sent, summary.left, summary.exit_code) == (120, 120, 0, ExitCode.COMPLETE)
        assert summary.document() == asyncio.run(status(folder / "l.db")).document()
        assert [each.left for each in progress[folder]][-1] == 0
        assert len(progress[folder]) >= 2
        assert all(each.sent + each.failed + each.unknown + each.left == 120 for each in progress[folder])
    assert service.stats()["duplicates"]["row"] == 0


def test_a_stop_and_a_cancelled_task_end_in_order_and_nobody_is_texted_twice(
    service: RunningSimulator, tmp_path: Path
) -> None:
    """What is left goes out with the next call, from the ledger alone; a limit leaves the rest, too."""
    campaign, people, ledger = campaign_at(service.url, tmp_path), list_of(200, tmp_path), tmp_path / "l.db"
    accepted = service.stats()["messages"]["accepted"]
    notices: list[Notice] = []

    async def run() -> Summary:
        first = await send(campaign, people, ledger=ledger, limit=5, on_notice=notices.append)
        assert (first.sent, first.left, first.exit_code) == (5, 195, ExitCode.INTERRUPTED)
        stop = asyncio.Event()
        stopped = await send(
            campaign, people, ledger=ledger, stop=stop, on_progress=lambda _: stop.set(), on_notice=notices.append
        )
        assert stopped.result is not None
        assert stopped.result.end is RunEnd.INTERRUPTED
        assert 5 <= stopped.sent < 200
        begun = asyncio.Event()
        task = asyncio.create_task(send(campaign, people, ledger=ledger, on_progress=lambda _: begun.set()))
        await begun.wait()
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        half = await status(ledger)
        assert (half.sent + half.left, half.unknown) == (200, 0)
        assert stopped.sent < half.sent < 200
        assert half.runs[-1].end is RunEnd.INTERRUPTED
        return await resume(ledger, credentials=("made", "up"))

    assert asyncio.run(run()).sent == 200
    assert [type(each) for each in notices] == [Planned, GoingOn]
    assert service.stats()["messages"]["accepted"] == accepted + 200
    assert service.stats()["duplicates"]["row"] == 0


def test_no_is_no_and_an_error_in_the_program_stops_in_order(service: RunningSimulator, tmp_path: Path) -> None:
    """Declined: the plan is kept and nothing sent. What `on_progress` raises comes out, after an orderly end."""
    campaign, people, ledger = campaign_at(service.url, tmp_path), list_of(60, tmp_path), tmp_path / "l.db"

    def fails(_: Progress) -> None:
        raise LookupError("the program's own")

    declined = asyncio.run(send(campaign, people, ledger=ledger, confirm=lambda _: False))
    assert (declined.declined, declined.sent, declined.left, declined.runs) == (True, 0, 60, ())
    with pytest.raises(LookupError):
        asyncio.run(send(campaign, people, ledger=ledger, on_progress=fails))
    left = asyncio.run(status(ledger))
    assert left.runs[-1].end is RunEnd.INTERRUPTED
    assert left.sent + left.left == 60


def test_a_ledger_of_another_campaign_and_one_in_use_are_refused(service: RunningSimulator, tmp_path: Path) -> None:
    """Before anything is sent; and a campaign begun with a stream goes on with a file of the same bytes."""
    campaign, people, ledger = campaign_at(service.url, tmp_path), list_of(40, tmp_path), tmp_path / "l.db"

    async def run() -> None:
        await send(campaign, io.BytesIO(people.read_bytes()), ledger=ledger, limit=1)
        other = campaign_at(service.url, tmp_path, "campaign.template=Bye {{ name }}")
        with pytest.raises(CampaignChanged) as changed:
            await send(other, people, ledger=ledger)
        assert changed.value.changed == ("campaign.template",)
        with pytest.raises(CampaignChanged):
            await send(campaign, io.BytesIO(b"phone,name\n+4915123000000,Ann\n"), ledger=ledger)
        begun = asyncio.Event()
        first = asyncio.create_task(send(campaign, people, ledger=ledger, on_progress=lambda _: begun.set()))
        await begun.wait()
        with pytest.raises(LedgerError, match="in use"):
            await send(campaign, people, ledger=ledger)
        assert (await first).sent == 40

    asyncio.run(run())


@pytest.mark.parametrize("how", ["stop", "cancel"])
def test_a_plan_that_is_stopped_leaves_nothing(how: str, tmp_path: Path) -> None:
    """Neither half a ledger nor a lock; the thread has ended by then."""
    campaign = campaign_at("http://127.0.0.1:9", tmp_path)
    people = list_of(100_000, tmp_path)
    ledger = tmp_path / "l.db"
    left: list[str] = []

    async def run() -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(send(campaign, people, ledger=ledger, stop=stop))
        await asyncio.to_thread(wait_until, (tmp_path / "l.db.partial").exists, "planning did not begin")
        if how == "stop":
            stop.set()
        else:
            task.cancel()
        with pytest.raises(Interrupted if how == "stop" else asyncio.CancelledError):
            await task
        left.extend(sorted(each.name for each in tmp_path.iterdir()))  # noqa: ASYNC240 - at this very moment

    asyncio.run(run())
    assert left == ["campaign.toml", "list.csv"]


def test_a_service_that_refuses_is_an_error_with_the_summary(tmp_path: Path) -> None:
    """`CampaignStopped`: exit code 4, what to do, and the figures; unknown rows go again on request alone, said so."""
    people, ledger = list_of(30, tmp_path), tmp_path / "l.db"
    poor = SERVICE + "[spend]\nlimit_usd = 0.10\nprice_per_part_usd = 0.01\n"
    with simulator(tmp_path, poor) as running, pytest.raises(CampaignStopped) as stopped:
        asyncio.run(send(campaign_at(running.url, tmp_path), people, ledger=ledger))
    assert stopped.value.exit_code == ExitCode.STOPPED_BY_SERVICE
    assert stopped.value.summary.left > 0
    assert stopped.value.hint
    with sqlite3.connect(ledger) as connection:
        connection.execute("UPDATE states SET status = 'sending', attempts = 1 WHERE row > 27")
    connection.close()
    notices: list[Notice] = []
    with simulator(tmp_path, SERVICE) as running:
        overrides = [f"aws.endpoint_url={running.url}"]
        again = asyncio.run(
            resume(
                ledger,
                overrides=overrides,
                credentials=("made", "up"),
                resend_unknown=True,
                on_notice=notices.append,
            )
        )
    assert notices == [Recovered(3), ResendingUnknown(3, {"interrupted": 3}, dry_run=False)]
    assert again.left == 0
