import gzip
import io
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
import zstandard

from bulksend.base.errors import InputError, UsageError
from bulksend.base.records import Encoding, Origin, Outcome, OutcomeKind, PlannedRow, Settlement, Status
from bulksend.config.load import load_settings
from bulksend.config.snapshot import to_document
from bulksend.pipeline.plan import campaign_buckets
from bulksend.pipeline.reconcile import EventFile, Reconciliation, UnreadablePlaces, event_files, reconcile
from bulksend.store.deliveries import DeliveryLedger
from bulksend.store.ledger import SqliteLedger
from bulksend.store.plan_writer import PlanWriter
from tests.support.virtual import EPOCH, VirtualClock

ORIGINS = (Origin("ACME", "ACME"),)
ROWS = 40
SETTINGS = """
[campaign]
name = "spring"
template = "Hello"
[[identities]]
id = "ACME"
mps = 1000
"""


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[DeliveryLedger]:
    """A campaign of forty rows, all of them sent without an answer."""
    with make_ledger(tmp_path, SETTINGS) as made:
        yield made


def make_ledger(folder: Path, text: str) -> DeliveryLedger:
    """A ledger with these settings, whose rows are all unknown."""
    (folder / "campaign.toml").write_text(text)
    settings = load_settings(folder / "campaign.toml", environ={}, overrides=[])
    path, clock = folder / "l.db", VirtualClock()
    with PlanWriter(path, clock=clock) as writer:
        buckets = list(campaign_buckets(settings).values())
        writer.begin(campaign=to_document(settings), fingerprint={}, buckets=buckets, identities=ORIGINS)
        writer.add([planned(row) for row in range(1, ROWS + 1)])
        writer.finish(input_name="list.csv", summary={}, fingerprint={})
    with SqliteLedger.open_for_writing(path, clock=clock) as written, written.transaction():
        written.start_run()
        lost = Outcome(OutcomeKind.UNKNOWN, "read_timeout")
        for claim in written.claim("ACME", parts=1000, rows=1000):
            written.settle(Settlement(claim.row, claim.attempt, Status.UNKNOWN, lost))
    return DeliveryLedger.open_for_writing(path, clock=clock)


def planned(row: int) -> PlannedRow:
    """A row that can be sent."""
    return PlannedRow(
        row=row, line=row + 1, source="{}", status=Status.PENDING, destination=f"+4917139200{row:02d}", country="DE",
        identity="ACME", bucket="ACME", encoding=Encoding.GSM_7, parts=1, text="Hello",
    )  # fmt: skip


def line(row: int, **changed: object) -> str:
    """A delivery event of the message of a row, as a line of JSON."""
    at = round((EPOCH + timedelta(seconds=1)).timestamp() * 1000)
    record = {
        "eventType": "TEXT_DELIVERED",
        "eventTimestamp": at + 2000,
        "isFinal": True,
        "destinationPhoneNumber": f"+4917139200{row:02d}",
        "messageId": f"m-{row}",
        "messageRequestTimestamp": at,
        "messageStatus": "DELIVERED",
        "context": {"bulksend_campaign": "spring", "bulksend_row": f"{row}.1"},
        "totalMessageParts": 1,
        "totalMessagePrice": 0.01,
    }
    return json.dumps(record | changed) + "\n"


def lines(first: int, last: int) -> bytes:
    """Events of the rows `first` to `last`."""
    return "".join(line(row) for row in range(first, last + 1)).encode()


def run(ledger: DeliveryLedger, *names: Path | str, stdin: bytes = b"") -> Reconciliation:
    """Reconcile with these files."""
    return reconcile(ledger, event_files(map(str, names)), stdin=io.BytesIO(stdin))


def test_files_of_every_kind_settle_rows(tmp_path: Path, ledger: DeliveryLedger) -> None:
    """Plain, gzip of several members, zstd, a directory with an empty file, standard input: all in one go."""
    (tmp_path / "a.jsonl").write_bytes(lines(1, 10))
    (tmp_path / "b.gz").write_bytes(gzip.compress(lines(11, 15)) + gzip.compress(lines(16, 20)))
    (tmp_path / "c.zst").write_bytes(zstandard.compress(lines(21, 25)))
    folder = tmp_path / "events" / "2026" / "01"
    folder.mkdir(parents=True)
    (folder / "d").write_bytes(lines(26, 30))
    (folder / "empty.gz").write_bytes(b"")
    (folder / ".hidden").write_bytes(lines(36, 40))
    names = (tmp_path / "a.jsonl", tmp_path / "b.gz", tmp_path / "c.zst", tmp_path / "events", "-")
    result = run(ledger, *names, stdin=lines(31, 35))
    assert (result.campaign, result.files, result.events, result.foreign) == ("spring", 6, 35, 0)
    assert (result.settled, result.unknown) == ({Status.UNKNOWN: 35}, 5)
    assert result.figures.by_status == {"DELIVERED": 35}


def test_a_second_time_changes_nothing(tmp_path: Path, ledger: DeliveryLedger) -> None:
    """The same files again settle no row, and all that was known is still known."""
    (tmp_path / "a").write_bytes(lines(1, 40) + lines(5, 9))
    first = run(ledger, tmp_path / "a")
    ledger.close()
    with DeliveryLedger.open_for_writing(tmp_path / "l.db", clock=VirtualClock()) as again:
        second = run(again, tmp_path / "a")
    assert first.settled == {Status.UNKNOWN: 40}
    assert (second.settled, second.unknown, second.figures) == ({}, 0, first.figures)


@pytest.mark.parametrize("batch_events", [1, 3, 40])
def test_batches_have_seams_in_every_place(tmp_path: Path, ledger: DeliveryLedger, batch_events: int) -> None:
    """However few events a transaction takes, also over the ends of files, each is put in once."""
    names = [str(tmp_path / f"e{number}") for number in range(4)]
    for number, name in enumerate(names):
        Path(name).write_bytes(lines(number * 10 + 1, number * 10 + 10))
    result = reconcile(ledger, event_files(names), batch_events=batch_events)
    assert (result.events, result.settled) == (40, {Status.UNKNOWN: 40})


def test_what_is_not_an_event_of_ours_is_counted(tmp_path: Path, ledger: DeliveryLedger) -> None:
    """Other records, other campaigns' events, and damage, with the first place of each file."""
    (tmp_path / "a").write_text(
        line(1) + '{"eventType": "VOICE_BUSY"}\n' + line(2)[:-9] + "\n" + line(3, context={}) + "garbage\n" + line(4)
    )
    (tmp_path / "b").write_text("garbage\n" + line(5, context={"bulksend_campaign": "other", "bulksend_row": "5.1"}))
    result = run(ledger, tmp_path / "a", tmp_path / "b")
    assert (result.events, result.others, result.foreign, result.settled) == (4, 1, 2, {Status.UNKNOWN: 2})
    assert result.unreadable == (
        UnreadablePlaces(str(tmp_path / "a"), 2, 3, "a line ends inside a text"),
        UnreadablePlaces(str(tmp_path / "b"), 1, 1, "this is not JSON"),
    )


@pytest.mark.parametrize("bad", ["missing", "binary", "cut", "folder"])
def test_a_file_that_cannot_be_read_ends_it_before_anything_is_written(
    tmp_path: Path, ledger: DeliveryLedger, bad: str
) -> None:
    """A wrong path or a wrong file among good ones: nothing is settled, and the file is named."""
    (tmp_path / "good").write_bytes(lines(1, 40))
    (tmp_path / "binary").write_bytes(b"%PDF-1.7 " + b"x" * 5000)
    (tmp_path / "cut").write_bytes(gzip.compress(os.urandom(3000))[:-10])
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=f"/{bad}: "):
        run(ledger, tmp_path / "good", tmp_path / bad)
    assert ledger.counts().of(Status.UNKNOWN) == ROWS


def test_nothing_but_garbage_is_an_error(tmp_path: Path, ledger: DeliveryLedger) -> None:
    """Files without a single record are the wrong files; the first place is named and nothing quoted."""
    (tmp_path / "a").write_text("phone,name\n+4917139200,Ann\n")
    (tmp_path / "empty").write_text("")
    with pytest.raises(InputError) as caught:
        run(ledger, tmp_path / "empty", tmp_path / "a")
    assert str(caught.value).startswith(f"{tmp_path / 'a'}, line 1: this is not JSON, and nothing else in the 2 files")
    assert "4917139200" not in str(caught.value)


def test_empty_files_are_no_events(tmp_path: Path, ledger: DeliveryLedger) -> None:
    """A destination that had nothing to write is no mistake."""
    (tmp_path / "empty").write_text("")
    result = run(ledger, tmp_path / "empty", "-")
    assert (result.events, result.settled, result.unknown) == (0, {}, ROWS)


def test_an_empty_directory_is_a_mistake(tmp_path: Path) -> None:
    """It is most likely the wrong one."""
    (tmp_path / "none" / "deeper").mkdir(parents=True)
    with pytest.raises(InputError, match="there is no file in this directory"):
        event_files([str(tmp_path / "none")])


def test_damage_within_compressed_data_keeps_what_came_before(tmp_path: Path, ledger: DeliveryLedger) -> None:
    """It is an error that names the file; what was read until then is in the ledger, and the next time goes on."""
    data = gzip.compress(b"".join(lines(row, row) for row in range(1, 41) for _ in range(200)), 0)
    (tmp_path / "a.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"a\.gz: the gzip data is cut off"):
        run(ledger, tmp_path / "a.gz")
    assert 0 < ledger.counts().of(Status.SENT) < ROWS


def test_a_copy_is_told_by_its_own_name(tmp_path: Path, ledger: DeliveryLedger) -> None:
    """Errors about a file that was fetched from elsewhere name where it came from."""
    copy = tmp_path / "copy"
    copy.write_text("garbage\n" + line(1))
    result = reconcile(ledger, [EventFile("s3://bucket/key", copy)])
    assert [each.file for each in result.unreadable] == ["s3://bucket/key"]
    assert result.settled == {Status.UNKNOWN: 1}
    copy.write_bytes(b"%PDF-1.7")
    with pytest.raises(InputError, match="s3://bucket/key: this is a PDF"):
        reconcile(ledger, [EventFile("s3://bucket/key", copy)])


def test_a_named_pipe_is_read_once(tmp_path: Path, ledger: DeliveryLedger) -> None:
    """What a shell makes of <(command) cannot be opened a second time."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = Thread(target=lambda: pipe.write_bytes(lines(1, 40)))
    writer.start()
    assert run(ledger, pipe).settled == {Status.UNKNOWN: 40}
    writer.join()


def test_a_rehearsal_has_nothing_to_reconcile(tmp_path: Path) -> None:
    """Events of a real campaign of the same name say nothing about a DryRun."""
    (tmp_path / "a").write_bytes(lines(1, 40))
    with (
        make_ledger(tmp_path, SETTINGS.replace("[[", "dry_run = true\n[[")) as rehearsal,
        pytest.raises(UsageError, match="rehearsal"),
    ):
        run(rehearsal, tmp_path / "a")


@pytest.mark.parametrize(("name", "words"), [("", "is empty"), ("a" * 5000, "it cannot be opened")])
def test_a_name_that_can_be_none_is_refused(name: str, words: str) -> None:
    """In one short line; an empty one is not the current directory."""
    with pytest.raises(InputError, match=words) as caught:
        event_files([name])
    assert caught.value.hint
    assert len(str(caught.value)) < 200
