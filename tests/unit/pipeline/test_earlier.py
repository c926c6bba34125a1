import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bulksend.base.errors import CampaignChanged, ConfigError, UsageError
from bulksend.config.model import Settings
from bulksend.config.snapshot import to_document
from bulksend.pipeline.earlier import EarlierLedgers, with_earlier
from bulksend.pipeline.plan import make_plan, refuse_changes
from bulksend.store.export import export_rows
from bulksend.store.forget import forget_ledger
from bulksend.store.ledger import SqliteLedger
from bulksend.store.owner import OwnerLock
from tests.support.virtual import VirtualClock
from tests.unit.pipeline.test_plan import settings_with
from tests.unit.store.helpers import (
    StandingClock,
    failed,
    give_back,
    pending,
    retry,
    sent,
    settle,
    skipped,
    take,
    unknown,
    write_plan,
)

CLOCK = StandingClock()


def a_campaign(path: Path) -> None:
    """Rows 1 sent, 2 failed, 3 unknown, 4 sending, 5 pending, 6 skipped, 7 unknown once and then failed."""
    write_plan(path, [*map(pending, range(1, 6)), skipped(6), pending(7)])
    with SqliteLedger.open_for_writing(path, clock=CLOCK) as ledger:
        take(ledger)
        settle(ledger, sent(1), failed(2), unknown(3), unknown(7))
        give_back(ledger, 5)
        retry(ledger, {7: 2})
        settle(ledger, failed(7, 2))
    with closing(sqlite3.connect(path)) as tool:  # as `resend_unknown` leaves it
        tool.execute("UPDATE states SET lost = 'read_timeout' WHERE row = 7")
        tool.commit()


def planned(folder: Path, settings: Settings, **other: Any) -> dict[int, tuple[str | None, str | None]]:
    """Reason and note of every row of a plan for the seven people."""
    folder.mkdir(exist_ok=True)
    (folder / "list.csv").write_text("phone,first_name\n" + "".join(f"+1425555{n:04d},Ann\n" for n in range(1, 8)))
    path = folder / "plan.db"
    path.unlink(missing_ok=True)
    make_plan(settings, str(folder / "list.csv"), path, clock=VirtualClock(), **other)
    return {row["row"]: (row["reason"], row["error_message"]) for row in export_rows(path)}  # type: ignore[misc]


def test_whom_it_reached_or_may_have(tmp_path: Path) -> None:
    """Sent, on the wire, unknown, and unknown before it was sent again: left out, with the ledger's name; no others."""
    a_campaign(tmp_path / "spring.db")
    rows = planned(tmp_path / "now", with_earlier(settings_with(), [tmp_path / "spring.db"]))
    note = "a message to this number was sent, or may have been, by spring.db"
    assert {row for row, (reason, _) in rows.items() if reason is None} == {2, 5, 6}
    assert {row: found for row, found in rows.items() if found[0] is not None} == dict.fromkeys(
        (1, 3, 4, 7), ("already_sent", note)
    )


def test_a_ledger_at_work_is_read_too(tmp_path: Path) -> None:
    """As it stands at that moment; that others may follow is said."""
    path = write_plan(tmp_path / "spring.db", map(pending, range(1, 8)))
    with SqliteLedger.open_for_writing(path, clock=CLOCK) as ledger:
        assert len(take(ledger, parts=2)) == 2
        settle(ledger, sent(1))
        with EarlierLedgers([str(path)]) as earlier:
            assert [earlier.who_reached(f"+1425555{n:04d}") for n in (1, 2, 3)] == ["spring.db", "spring.db", None]
            assert earlier.notes == (
                "spring.db has 5 rows pending: whom it has yet to text is not left out of this campaign.",
            )


def test_several_ledgers(tmp_path: Path) -> None:
    """The first that reached somebody is named, by its path where two have one name; one named twice counts once."""
    paths = []
    for month in ("may", "june"):
        (tmp_path / month).mkdir()
        paths.append(write_plan(tmp_path / month / "sale.db", [pending(1), pending(2)]))
    for path, row in zip(paths, (1, 2), strict=True):
        with SqliteLedger.open_for_writing(path, clock=CLOCK) as ledger:
            take(ledger)
            give_back(ledger, 3 - row)
            settle(ledger, sent(row))
    (tmp_path / "link.db").symlink_to(paths[0])
    with EarlierLedgers([str(path) for path in (*paths, tmp_path / "link.db")]) as earlier:
        assert earlier.who_reached("+14255550001") == str(paths[0])
        assert earlier.who_reached("+14255550002") == str(paths[1])
        assert len(earlier.notes) == 2


def test_what_is_no_earlier_campaign_is_refused(tmp_path: Path) -> None:
    """Nothing there, no ledger, one that texted nobody, one of another version, the campaign's own: one line each."""
    (tmp_path / "list.db").write_text("phone\n")
    dry = write_plan(tmp_path / "dry.db", [pending(1)])
    old = write_plan(tmp_path / "old.db", [pending(1)])
    with closing(sqlite3.connect(dry)) as tool:
        tool.execute("UPDATE meta SET value = ? WHERE key = 'campaign'", (json.dumps({"campaign": {"dry_run": True}}),))
        tool.commit()
    with closing(sqlite3.connect(old)) as tool:
        tool.execute("PRAGMA user_version = 1")
    for name, says in {
        "none.db": "there is no ledger at ",
        "list.db": "is not a ledger",
        "dry.db": "is the ledger of a dry run, which texted nobody",
        "old.db": "was made by an older bulksend",
    }.items():
        with pytest.raises(ConfigError, match=says) as caught:
            EarlierLedgers([str(tmp_path / name)])
        assert caught.value.what.startswith("recipients.not_in: ")
        assert name in caught.value.what
    itself = with_earlier(settings_with(), [tmp_path / "now" / "plan.db"])
    with pytest.raises(ConfigError, match="the ledger of this very campaign"):
        planned(tmp_path / "now", itself)


def test_a_campaign_does_not_begin_to_look_at_others_when_it_has_begun(tmp_path: Path) -> None:
    """An earlier ledger that it was not planned with is a change, and refused; that one has gone on since is none."""
    a_campaign(tmp_path / "spring.db")
    write_plan(tmp_path / "autumn.db", [pending(1)])
    folder = tmp_path / "now"
    known = with_earlier(settings_with(), [tmp_path / "spring.db"])
    planned(folder, known)
    with SqliteLedger.open_for_writing(tmp_path / "spring.db", clock=CLOCK) as ledger:
        take(ledger)
        settle(ledger, sent(5))
    (tmp_path / "link.db").symlink_to(tmp_path / "spring.db")
    for same in (known, settings_with(), with_earlier(settings_with(), [tmp_path / "link.db"])):
        refuse_changes(same, str(folder / "list.csv"), folder / "plan.db")
        with SqliteLedger.open_for_writing(folder / "plan.db", clock=CLOCK) as ledger, ledger.transaction():
            ledger.set_settings(to_document(same))  # as `send` does when it goes on
    more = with_earlier(known, [tmp_path / "autumn.db"])
    assert more.recipients.not_in == (str(tmp_path / "spring.db"), str(tmp_path / "autumn.db"))
    with pytest.raises(CampaignChanged) as caught:
        refuse_changes(more, str(folder / "list.csv"), folder / "plan.db")
    assert caught.value.changed == ("recipients.not_in",)
    with pytest.raises(ConfigError, match="this very campaign"):
        refuse_changes(with_earlier(known, [folder / "plan.db"]), str(folder / "list.csv"), folder / "plan.db")


def test_a_forgotten_ledger_needs_its_key(tmp_path: Path) -> None:
    """Numbers are hashes there: with the key people are known again, with another or none the plan is refused."""
    keys = {name: tmp_path / name for name in ("key", "other", "short")}
    for at, (kind, held) in enumerate(keys.items()):
        held.write_bytes(bytes([at]) * (32 if kind != "short" else 5))
    for name in ("kept.db", "thrown.db"):
        path = write_plan(tmp_path / name, [pending(1), pending(2)])
        with SqliteLedger.open_for_writing(path, clock=CLOCK) as ledger:
            take(ledger)
            settle(ledger, sent(1), failed(2))
        with OwnerLock(path, clock=CLOCK) as owner:
            key = keys["key"].read_bytes()
            forget_ledger(path, key, keep_key=name == "kept.db", clock=CLOCK, owner=owner)
    settings = with_earlier(settings_with(), [tmp_path / "kept.db"])
    rows = planned(tmp_path / "now", settings, not_in_key=keys["key"])
    assert [row for row, (reason, _) in rows.items() if reason == "already_sent"] == [1]
    cases: tuple[tuple[str, Path | None, str], ...] = (
        ("kept.db", None, r"kept\.db was forgotten on 2026-01-01\. Add --not-in-key"),
        ("kept.db", keys["other"], "with another key"),
        ("kept.db", keys["short"], "short: this is no key of 32 bytes"),
        ("kept.db", tmp_path / "none", "none: cannot be read: No such file"),
        ("thrown.db", keys["key"], "its key thrown away: nobody can tell whom it reached. Leave it out"),
    )
    for name, file, says in cases:
        with pytest.raises(UsageError, match=says):
            EarlierLedgers([str(tmp_path / name)], key=file)
