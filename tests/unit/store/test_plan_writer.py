import json
import resource
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from bulksend.base.errors import LedgerError
from bulksend.base.records import Bucket, Encoding, Origin, PlannedRow, Status
from bulksend.store.connect import connect_for_reading
from bulksend.store.faults import LedgerMisuse
from bulksend.store.ledger import SqliteLedger
from bulksend.store.owner import OwnerLock
from bulksend.store.plan_writer import PlanWriter
from bulksend.store.schema import to_milliseconds
from tests.unit.store.helpers import BUCKETS, IDENTITIES, START, StandingClock, pending, skipped, write_plan

PLANNER = """
import sys
from pathlib import Path
from bulksend.base.clock import SystemClock
from bulksend.store.plan_writer import PlanWriter
from tests.unit.store.helpers import BUCKETS, IDENTITIES, pending

with PlanWriter(Path(sys.argv[1]), clock=SystemClock()) as writer:
    writer.begin(campaign={}, fingerprint={}, buckets=BUCKETS, identities=IDENTITIES)
    writer.add([pending(row, text="x" * 1000) for row in range(1, 50_001)])
    print("planning", flush=True)
    sys.stdin.read()
"""


def names(folder: Path) -> set[str]:
    """The files in a folder."""
    return {file.name for file in folder.iterdir()}


def test_everything_planned_is_in_the_ledger(path: Path, clock: StandingClock) -> None:
    """What the planner said about campaign and rows can be read back as it was."""
    whole = PlannedRow(
        row=1,
        line=5,
        source='{"phone":"0171"}',
        status=Status.PENDING,
        note="the leading + was put back",
        destination="+491713920000",
        country="DE",
        identity="20440",
        bucket="short",
        encoding=Encoding.UCS_2,
        parts=2,
        text="Grüße an Zoë 🎉\n" * 5,
        pinned=True,
    )
    with PlanWriter(path, clock=clock) as writer:
        writer.begin(
            campaign={"name": "Frühling"}, fingerprint={"config": "a", "x": "1"}, buckets=BUCKETS, identities=IDENTITIES
        )
        writer.add([whole])
        writer.add([])
        writer.add([skipped(2, reason="duplicate", note="the same number as row 1")])
        assert not path.exists()
        writer.finish(input_name="list.csv", summary={"rows": 2}, fingerprint={"input": "b", "x": "2"})
    assert names(path.parent) == {"campaign.db"}
    with SqliteLedger.open_for_reading(path) as ledger:
        assert {"name": "Frühling"} == ledger.campaign
        assert {"config": "a", "input": "b", "x": "2"} == ledger.fingerprint
        assert {"rows": 2} == ledger.summary
        assert ledger.input_name == "list.csv"
        assert ledger.buckets == (Bucket("toll-free", 3), Bucket("short", 100))
        assert ledger.identities == IDENTITIES
        assert ledger.last_row == 2
        assert (ledger.counts().of(Status.PENDING), ledger.counts().of(Status.SKIPPED)) == (1, 1)
    with closing(connect_for_reading(path)) as connection:
        connection.row_factory = sqlite3.Row
        first, second = (dict(row) for row in connection.execute("SELECT * FROM results ORDER BY row"))
        (text,) = connection.execute("SELECT text FROM rows WHERE row = 1").fetchone()
        pinned = [bool(each) for (each,) in connection.execute("SELECT pinned FROM states ORDER BY row")]
        (created_at,) = connection.execute("SELECT value FROM meta WHERE key = 'created_at'").fetchone()
    assert text == whole.text
    assert pinned == [True, False]
    assert int(created_at) == to_milliseconds(START)
    assert json.loads(first["source"]) == {"phone": "0171"}
    assert [first[name] for name in ("line", "destination", "country", "identity", "bucket", "encoding", "parts")] == [
        5, "+491713920000", "DE", "20440", "short", "UCS-2", 2,
    ]  # fmt: skip
    assert first["note"] == "the leading + was put back"
    assert (second["status"], second["reason"], second["destination"]) == ("skipped", "duplicate", None)


def test_a_ledger_without_rows_can_be_opened(path: Path) -> None:
    """Nothing planned is a plan too."""
    with SqliteLedger.open_for_reading(write_plan(path, [])) as ledger:
        assert (ledger.last_row, ledger.counts().rows) == (0, 0)


@pytest.mark.parametrize("finish", [True, False], ids=["exception", "no finish"])
def test_a_plan_that_is_not_finished_leaves_nothing(path: Path, clock: StandingClock, *, finish: bool) -> None:
    """An exception, or leaving early, removes the partial file and gives the lock back."""

    def plan() -> None:
        with PlanWriter(path, clock=clock) as writer:
            writer.begin(campaign={}, fingerprint={}, buckets=BUCKETS, identities=IDENTITIES)
            writer.add([pending(1)])
            if finish:
                raise KeyboardInterrupt

    if finish:
        with pytest.raises(KeyboardInterrupt):
            plan()
    else:
        plan()
    assert names(path.parent) == set()


def test_a_crash_leaves_a_partial_file_at_most(path: Path, clock: StandingClock) -> None:
    """Killed while planning: no ledger; what is left is never taken for one; the next planning replaces it."""
    with subprocess.Popen(
        [sys.executable, "-c", PLANNER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as planner:
        assert planner.stdout is not None
        assert planner.stdout.readline() == b"planning\n"
        planner.send_signal(signal.SIGKILL)
        planner.wait()
    partial = path.with_name("campaign.db.partial")
    assert names(path.parent) == {"campaign.db.partial", "campaign.db.lock"}
    assert partial.stat().st_size > 10_000_000
    with pytest.raises(LedgerError, match="no ledger at"):
        SqliteLedger.open_for_reading(path)
    with pytest.raises(LedgerError):
        SqliteLedger.open_for_reading(partial)
    write_plan(path, [pending(1)], clock=clock)
    assert names(path.parent) == {"campaign.db"}
    with SqliteLedger.open_for_reading(path) as ledger:
        assert ledger.counts().rows == 1


def test_a_partial_file_is_no_ledger_even_when_all_rows_are_in_it(path: Path, clock: StandingClock) -> None:
    """The mark of a ledger is set after everything else is on disk."""
    with PlanWriter(path, clock=clock) as writer:
        writer.begin(campaign={}, fingerprint={}, buckets=BUCKETS, identities=IDENTITIES)
        writer.add([pending(1)])
        with closing(sqlite3.connect(f"file:{path}.partial?mode=ro", uri=True)) as connection:
            assert connection.execute("PRAGMA application_id").fetchone() == (0,)


def test_a_ledger_is_never_overwritten(planned: Path, clock: StandingClock) -> None:
    """Planning over a ledger is refused, and the ledger stays as it was."""
    before = planned.read_bytes()
    with pytest.raises(LedgerError, match=r"there is a ledger at .* already\. Choose another path"):
        write_plan(planned, [pending(1)], clock=clock)
    assert planned.read_bytes() == before
    assert names(planned.parent) == {"campaign.db"}


def test_a_file_that_appears_while_planning_is_not_overwritten(path: Path, clock: StandingClock) -> None:
    """Nor is one that somebody else put there in the meantime."""
    with PlanWriter(path, clock=clock) as writer:
        writer.begin(campaign={}, fingerprint={}, buckets=BUCKETS, identities=IDENTITIES)
        path.write_bytes(b"mine")
        with pytest.raises(LedgerError, match="already"):
            writer.finish(input_name="x", summary={}, fingerprint={})
    assert path.read_bytes() == b"mine"
    assert names(path.parent) == {"campaign.db"}


def test_the_empty_log_of_a_ledger_that_is_gone_is_cleared_away(path: Path, clock: StandingClock) -> None:
    """A reader may leave them beside a closed ledger; nothing is in them."""
    path.with_name(path.name + "-wal").touch()
    path.with_name(path.name + "-shm").write_bytes(b"an index")
    with PlanWriter(path, clock=clock):
        assert [each.name for each in path.parent.glob("*-*")] == []


@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
def test_the_log_of_a_ledger_that_is_gone_is_not_played_into_the_new_one(
    path: Path, clock: StandingClock, suffix: str
) -> None:
    """What is left beside a deleted ledger stops the planning: SQLite would take it for the new ledger's."""
    path.with_name(path.name + suffix).write_bytes(b"old")
    with pytest.raises(LedgerError, match=f"campaign.db{suffix} is left of a ledger that is gone"):
        write_plan(path, [pending(1)], clock=clock)


def test_two_do_not_plan_the_same_ledger(path: Path, clock: StandingClock) -> None:
    """The second planner is refused while the first one works, and does not harm its partial file."""
    with PlanWriter(path, clock=clock) as first:
        first.begin(campaign={}, fingerprint={}, buckets=BUCKETS, identities=IDENTITIES)
        with pytest.raises(LedgerError, match="in use by process"):
            PlanWriter(path, clock=clock).__enter__()
        first.finish(input_name="x", summary={}, fingerprint={})
    assert path.exists()


def test_a_lock_that_is_held_already_is_used_and_kept(path: Path, clock: StandingClock) -> None:
    """Who holds the lock from planning to sending never lets anybody in between."""
    with OwnerLock(path, clock=clock) as owner:
        with PlanWriter(path, clock=clock, owner=owner) as writer:
            writer.begin(campaign={}, fingerprint={}, buckets=BUCKETS, identities=IDENTITIES)
            writer.finish(input_name="x", summary={}, fingerprint={})
        assert owner.held
        with SqliteLedger.open_for_writing(path, clock=clock, owner=owner):
            pass
        assert owner.held
    with pytest.raises(LedgerMisuse):
        PlanWriter(path.with_name("other.db"), clock=clock, owner=owner).__enter__()


@pytest.mark.parametrize(
    "row",
    [
        replace(pending(1), text=None),
        replace(pending(1), destination=None),
        replace(pending(1), identity=None),
        replace(pending(1), bucket=None),
        replace(pending(1), parts=0),
        replace(pending(1), reason="duplicate"),
        replace(pending(1), bucket="unheard-of"),
        replace(pending(1), identity="unheard-of"),
        replace(pending(1), status=Status.SENT),
        replace(skipped(1), reason=None),
    ],
)
def test_rows_that_nothing_could_be_done_with_are_refused(path: Path, clock: StandingClock, row: PlannedRow) -> None:
    """A pending row has all that sending needs, a skipped one has a reason, and nothing else is planned."""
    with pytest.raises(LedgerMisuse):
        write_plan(path, [row], clock=clock)
    assert names(path.parent) == set()


def test_a_row_number_given_twice_is_refused(path: Path, clock: StandingClock) -> None:
    """Two rows never share a number."""
    with pytest.raises(LedgerError, match=r"UNIQUE.*row"):
        write_plan(path, [pending(1), pending(2), pending(1)], clock=clock)


def test_text_that_cannot_be_stored_is_not_quoted(path: Path, clock: StandingClock) -> None:
    """Half of a surrogate pair is refused, and the error does not hold the text."""
    with pytest.raises(LedgerMisuse) as raised:
        write_plan(path, [pending(1, text="secret \ud83c")], clock=clock)
    assert "secret" not in str(raised.value)
    assert raised.value.__suppress_context__


def test_identities_belong_to_buckets_of_the_campaign(path: Path, clock: StandingClock) -> None:
    """An identity whose bucket is not there is a fault."""
    with pytest.raises(LedgerMisuse, match="the bucket 'b' "), PlanWriter(path, clock=clock) as writer:
        writer.begin(campaign={}, fingerprint={}, buckets=BUCKETS, identities=[Origin("20440", "b")])


def test_a_writer_is_used_inside_its_block(path: Path, clock: StandingClock) -> None:
    """Nothing is written before the block, nor after the plan is finished."""
    with pytest.raises(LedgerMisuse):
        PlanWriter(path, clock=clock).add([pending(1)])
    with PlanWriter(path, clock=clock) as writer:
        writer.begin(campaign={}, fingerprint={}, buckets=BUCKETS, identities=IDENTITIES)
        writer.finish(input_name="x", summary={}, fingerprint={})
        with pytest.raises(LedgerMisuse):
            writer.add([pending(1)])


def test_a_disk_that_takes_no_more_is_told_and_nothing_is_left(path: Path, clock: StandingClock) -> None:
    """When the file cannot grow, planning ends with a ledger error and without a file."""
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, hard))
    try:
        with pytest.raises(LedgerError, match="the disk"):
            write_plan(path, [pending(row, text="x" * 1000) for row in range(1, 60_001)], clock=clock)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert names(path.parent) == set()


def test_a_missing_directory_is_named(tmp_path: Path, clock: StandingClock) -> None:
    """The error says what to do."""
    with pytest.raises(LedgerError, match=r"its directory does not exist\. Create the directory"):
        write_plan(tmp_path / "nowhere" / "x.db", [], clock=clock)
