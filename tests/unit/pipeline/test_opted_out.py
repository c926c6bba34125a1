import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from bulksend.config.model import Settings
from bulksend.pipeline.opted_out import HEAD, Noted, note_opted_out
from bulksend.pipeline.suppressed import OPTED_OUT_FILE, SuppressionReader
from bulksend.store.ledger import SqliteLedger
from bulksend.store.reached import OPTED_OUT
from tests.unit.pipeline.test_plan import settings_with
from tests.unit.store.helpers import StandingClock, failed, pending, sent, settle, take, write_plan


def a_campaign(path: Path, refused: range, *, rows: int = 10, reason: str = OPTED_OUT) -> Path:
    """A campaign in which the rows of `refused` failed, and the others were sent; a number for each row of its own."""
    write_plan(path, map(pending, range(1, rows + 1)))
    with SqliteLedger.open_for_writing(path, clock=StandingClock()) as ledger:
        take(ledger, parts=rows, rows=rows)
        settle(ledger, *(failed(row, reason=reason) if row in refused else sent(row) for row in range(1, rows + 1)))
    return path


def settings(file: Path) -> Settings:
    """Of a campaign that adds to `file`."""
    return settings_with(recipients__opted_out_file=str(file))


def numbers(rows: range) -> list[str]:
    """The numbers of rows."""
    return [f"+1425555{row:04d}" for row in rows]


def test_what_was_learnt_is_added_once(tmp_path: Path) -> None:
    """A new file says what it is; the next time nothing happens; a later campaign adds what is new."""
    file = tmp_path / "learnt.txt"
    ledger = a_campaign(tmp_path / "a.db", range(2, 5))
    with capture_logs() as logs:
        assert note_opted_out(ledger, settings(file)) == Noted(3)
        assert [(each["event"], each["added"]) for each in logs] == [("opted_out.noted", 3)]
        before = file.stat()
        assert note_opted_out(ledger, settings(file)) == Noted()
    assert file.read_text().splitlines() == [*HEAD, *numbers(range(2, 5))]
    assert (before.st_mode & 0o777, before.st_ino) == (0o600, file.stat().st_ino)
    assert note_opted_out(a_campaign(tmp_path / "b.db", range(4, 7)), settings(file)) == Noted(2)
    assert list(SuppressionReader(settings(file)).read(OPTED_OUT_FILE, file)) == numbers(range(2, 7))
    assert sorted(path.name for path in tmp_path.iterdir() if "learnt" in path.name) == ["learnt.txt"]


def test_lines_of_others_stay(tmp_path: Path) -> None:
    """Comments, other notations, a last line without an end, a link: all as they were; nobody comes twice."""
    file = tmp_path / "ours" / "stop.txt"
    file.parent.mkdir()
    theirs = b"\xef\xbb\xbf# said STOP\r\n(425) 555-0002\r\n\r\n+14255559999"
    file.write_bytes(theirs)
    (tmp_path / "learnt.txt").symlink_to(file)
    added = note_opted_out(a_campaign(tmp_path / "a.db", range(2, 4)), settings(tmp_path / "learnt.txt"))
    assert added == Noted(1)
    assert file.read_bytes() == theirs + b"\n+14255550003\n"
    assert (tmp_path / "learnt.txt").is_symlink()


def test_nothing_to_note(tmp_path: Path) -> None:
    """Other failures are no opt-outs, and without the setting there is no file."""
    file = tmp_path / "learnt.txt"
    other = a_campaign(tmp_path / "a.db", range(2, 5), reason="destination_phone_number_blocked")
    assert note_opted_out(other, settings(file)) == Noted()
    assert not file.exists()
    assert note_opted_out(a_campaign(tmp_path / "b.db", range(2, 5)), settings_with()) == Noted()


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (lambda file: file.mkdir(), "Is a directory"),
        (os.mkfifo, "it is not a regular file"),
        (lambda file: file.write_bytes(b"caf\xe9\n"), "it is no text in UTF-8"),
        (lambda file: file.symlink_to("nowhere/learnt.txt"), "No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_written_fails_nothing(make: object, cause: str, tmp_path: Path) -> None:
    """It is said in one line and in the log, and nothing of the file has changed."""
    file = tmp_path / "learnt.txt"
    make(file)  # type: ignore[operator]
    ledger = a_campaign(tmp_path / "a.db", range(2, 5))
    with capture_logs() as logs:
        noted = note_opted_out(ledger, settings(file))
    assert noted == Noted(trouble=f"recipients.opted_out_file: {file} cannot be written: {cause}")
    assert [(each["event"], each["cause"]) for each in logs] == [("opted_out.not_noted", noted.trouble)]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    without = note_opted_out(tmp_path / "none.db", settings(file))
    assert without.trouble.startswith("recipients.opted_out_file: there is no ledger at ")


def test_campaigns_at_once_lose_nothing(tmp_path: Path) -> None:
    """Twelve that end at the same moment, with overlapping lists: every number is there, and once."""
    file = tmp_path / "learnt.txt"
    ledgers = [a_campaign(tmp_path / f"{at}.db", range(1 + 5 * at, 11 + 5 * at), rows=70) for at in range(12)]
    with ThreadPoolExecutor(12) as pool:
        done = list(pool.map(lambda ledger: note_opted_out(ledger, settings(file)), ledgers))
    assert not any(each.trouble for each in done)
    assert sum(each.added for each in done) == 65
    lines = file.read_text().splitlines()
    assert lines[:2] == list(HEAD)
    assert sorted(lines[2:]) == numbers(range(1, 66))


def test_a_dry_run_learns_too(tmp_path: Path) -> None:
    """The service checks the opt-out list then as well; and a file of another default country is read by the rules."""
    file = tmp_path / "learnt.txt"
    file.write_text("(425) 555-0002\n")
    base = settings(file)
    dry = replace(base, campaign=replace(base.campaign, dry_run=True))
    assert note_opted_out(a_campaign(tmp_path / "a.db", range(2, 4)), dry) == Noted(1)
