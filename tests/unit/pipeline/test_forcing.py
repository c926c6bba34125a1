import json
import random
import sqlite3
import unicodedata
from collections import Counter
from pathlib import Path

import pytest

from bulksend.base.records import Encoding, PlannedRow, Status
from bulksend.config.load import load_settings
from bulksend.config.model import Settings
from bulksend.message.gsm import OUTSIDE_GSM
from bulksend.message.parts import count_parts
from bulksend.message.suggest import replaced, replacement_of
from bulksend.pipeline.forcing import Forcing
from bulksend.pipeline.plan import Plan, make_plan
from bulksend.pipeline.suggestions import suggestions_of
from tests.support.virtual import VirtualClock

TEMPLATE = "Hi {{ name }}{% if note %} \u2013 {{ note }}{% endif %}"
NAMES = ("Ann", "Zoë", "Łukasz", "你好", unicodedata.normalize("NFD", "José"), "O\u2019Neil")
NOTES = ("", "x" * 60, "x" * 200, "\u201cy\u201d " * 20)


def settings_of(template: str = TEMPLATE) -> Settings:
    """A campaign to the US, Germany and India."""
    identities = [
        {"id": "20440", "mps": 100, "countries": ["US"]},
        {"id": "ACME", "mps": 10, "countries": ["DE", "IN"]},
    ]
    overrides = {"BULKSEND_CAMPAIGN_NAME": "test", "BULKSEND_IDENTITIES": json.dumps(identities)}
    return load_settings(None, environ=overrides | {"BULKSEND_CAMPAIGN_TEMPLATE": template})


def planned(folder: Path, *, india: bool = False, rows: int = 400, template: str = TEMPLATE) -> Plan:
    """A plan of a seeded list of all sorts of names and notes."""
    dice = random.Random(7)
    lines = ["phone,name,note"]
    for number in range(rows):
        start = dice.choice(("+1425200", "+4917120", *(["+9198765"] if india else [])))
        phone = f"{start}{number:05}" if start == "+9198765" or start.startswith("+49") else f"{start}{number:04}"
        lines.append(f"{phone},{dice.choice(NAMES)},{dice.choice(NOTES)}")
    (folder / "list.csv").write_text("\n".join(lines), encoding="utf-8")
    return make_plan(settings_of(template), str(folder / "list.csv"), folder / "plan.db", clock=VirtualClock())


def sendable(folder: Path) -> list[tuple[int, str, str, int]]:
    """Row, country, text and parts of what the ledger would send."""
    statement = (
        "SELECT rows.row, states.country, rows.text, states.parts FROM rows JOIN states ON states.row = rows.row"
        " WHERE states.status = 'pending' ORDER BY rows.row"
    )
    connection = sqlite3.connect(folder / "plan.db")
    try:
        return list(connection.execute(statement))
    finally:
        connection.close()


@pytest.mark.parametrize("india", [False, True])
def test_characters_and_savings_are_those_of_the_ledger(*, india: bool, tmp_path: Path) -> None:
    """Counted again from every text of the ledger."""
    plan = planned(tmp_path, india=india)
    messages: Counter[str] = Counter()
    first: dict[str, int] = {}
    saved_messages = saved_parts = template_messages = ucs2 = to_india = 0
    for row, country, text, parts in sendable(tmp_path):
        characters = set(OUTSIDE_GSM.findall(text))
        if not characters:
            continue
        ucs2 += 1
        messages.update(characters)
        for each in characters:
            first.setdefault(each, row)
        to_india += country == "IN"
        open_to_change = country != "IN" and not (india and "\u2013" in characters)
        if open_to_change and all(replacement_of(each) is not None for each in characters):
            plain = replaced(text, "".join(characters))
            assert not OUTSIDE_GSM.findall(plain)
            saved_messages += 1
            saved_parts += parts - count_parts(plain).parts
            template_messages += characters == {"\u2013"}
    found = suggestions_of(plan.totals)
    assert {one.character: (one.forced.messages, one.forced.first_row) for one in found.characters} == {
        each: (messages[each], first[each]) for each in messages
    }
    assert [one.forced.messages for one in found.characters] == sorted(messages.values(), reverse=True)
    assert (plan.totals.forcing.messages, plan.totals.forcing.registered) == (ucs2, to_india)
    assert (found.saved.messages, found.saved.parts) == (saved_messages, saved_parts)
    assert found.saved_by_template.messages == template_messages
    assert (saved_messages if india else saved_parts) > 20
    assert (to_india > 0) == india
    assert {one.character for one in found.characters if one.source == "template"} == {"\u2013"}


def test_it_is_the_same_however_often_it_is_added_up() -> None:
    """Memory for two kinds of texts, or for all of them."""
    few, many = Forcing(TEMPLATE, most_kinds=2), Forcing(TEMPLATE)
    dice = random.Random(3)
    for number in range(200):
        text = f"{dice.choice(NAMES)} \u2013 {dice.choice(NOTES)}"
        row = PlannedRow(
            row=number,
            line=number,
            source="{}",
            status=Status.PENDING,
            country=dice.choice(("US", "IN")),
            identity="20440",
            encoding=Encoding.UCS_2,
            parts=count_parts(text).parts,
            text=text,
        )
        few.add(row)
        many.add(row)
    assert few.characters() == many.characters()
    assert {each[:3]: each[3] for each in few.saved()} == {each[:3]: each[3] for each in many.saved()}
    assert (few.messages, few.parts, few.registered) == (many.messages, many.parts, many.registered)
    assert few.messages == 200


def test_to_india_nothing_is_suggested_for_the_template(tmp_path: Path) -> None:
    """Nor for what only its messages have; elsewhere the same is suggested."""
    found = suggestions_of(planned(tmp_path, india=True).totals)
    assert found.template is None
    assert found.is_registered
    dash = next(one for one in found.characters if one.character == "\u2013")
    assert dash.replacement is None
    (tmp_path / "plan.db").unlink()
    found = suggestions_of(planned(tmp_path).totals)
    assert found.template == TEMPLATE.replace("\u2013", "-")
    assert not found.is_registered
    dash = next(one for one in found.characters if one.character == "\u2013")
    assert (dash.replacement, dash.code_point, dash.name) == ("-", "U+2013", "EN DASH")


def test_examples_are_spread(tmp_path: Path) -> None:
    """The first message, the longest, and one in UCS-2 or to another country: as the ledger has them."""
    plan = planned(tmp_path)
    rows = sendable(tmp_path)
    shown = plan.totals.examples.shown()
    assert len(shown) == 3
    texts = {row: text for row, _, text, _ in rows}
    assert [texts[one.row.row] for one in shown] == [one.row.text for one in shown]
    assert shown[0].row.row == rows[0][0]
    assert max(parts for *_, parts in rows) in [one.row.parts for one in shown]
    assert all(one.row.text not in repr(one) for one in shown if one.row.text)
    assert "Hi " not in json.dumps(plan.totals.document())


@pytest.mark.parametrize(("rows", "expected"), [(1, 1), (2, 2), (5, 3)])
def test_few_rows_are_all_shown(rows: int, expected: int, tmp_path: Path) -> None:
    """No row is shown twice."""
    shown = planned(tmp_path, rows=rows, template="Hi").totals.examples.shown()
    assert len({one.row.row for one in shown}) == len(shown) == expected
