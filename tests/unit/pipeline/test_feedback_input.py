import json
from pathlib import Path

import pytest

from bulksend.base.errors import InputError
from bulksend.config.model import RecipientsSettings
from bulksend.intake import open_recipients
from bulksend.pipeline.feedback_input import FeedbackReader, match_file
from bulksend.store.feedback import FeedbackLedger, Said
from tests.unit.store.helpers import StandingClock, pending, write_plan

SETTINGS = RecipientsSettings(phone="mobile", default_country="US")


def read(path: Path, text: str, *, name: str = "feedback.csv") -> list[Said]:
    """What a file says."""
    file = path / name
    file.write_text(text)
    with open_recipients(str(file), number_column="mobile") as recipients:
        return list(FeedbackReader(SETTINGS).read(recipients))


@pytest.mark.parametrize(
    ("header", "cell", "said"),
    [
        ("message_id", "0a-1b", Said(2, "RECEIVED", message_id="0a-1b")),
        ("Message ID", "0a-1b", Said(2, "RECEIVED", message_id="0a-1b")),
        ("row", "17", Said(2, "RECEIVED", row=17)),
        ("destination", "+14255550100", Said(2, "RECEIVED", destination="+14255550100")),
        ("destination", "(425) 555-0100", Said(2, "RECEIVED", destination="+14255550100")),
        ("mobile", "14255550100.0", Said(2, "RECEIVED", destination="+14255550100")),
    ],
)
def test_a_message_is_named_by_one_of_four_columns(header: str, cell: str, said: Said, tmp_path: Path) -> None:
    """Columns are matched as everywhere, numbers are read as the campaign reads them."""
    assert read(tmp_path, f"{header},FEEDBACK\n{cell},received\n") == [said]


@pytest.mark.parametrize("word", ["failed", "FAILED", " Failed "])
def test_the_case_of_the_value_does_not_matter(word: str, tmp_path: Path) -> None:
    """As the service writes it, or as people do."""
    assert read(tmp_path, f"row,feedback\n1,{word}\n") == [Said(2, "FAILED", row=1)]


def test_the_most_exact_name_that_is_given_counts(tmp_path: Path) -> None:
    """A message id before a row, a row before a number; empty cells are passed over, and so are empty rows."""
    text = (
        "destination,row,message_id,feedback\n"
        "+14255550100,1,m-1,received\n"
        "+14255550100,2,,failed\n"
        ",,,\n"
        "+14255550100,,,received\n"
    )
    assert read(tmp_path, text) == [
        Said(2, "RECEIVED", message_id="m-1"),
        Said(3, "FAILED", row=2),
        Said(5, "RECEIVED", destination="+14255550100"),
    ]


def test_jsonl_is_read_too(tmp_path: Path) -> None:
    """Numbers as JSON has them."""
    lines = [
        {"row": 3, "feedback": "received"},
        {"message_id": "m", "feedback": "failed", "row": None},
        {"mobile": 14255550100, "feedback": "received"},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    assert read(tmp_path, text, name="f.jsonl") == [
        Said(1, "RECEIVED", row=3),
        Said(2, "FAILED", message_id="m"),
        Said(3, "RECEIVED", destination="+14255550100"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("row,feedback\n1,received\n2,true\n", "line 3: the column 'feedback' has neither received nor failed"),
        ("row,feedback\n1,\n", "line 2: the column 'feedback' has neither received nor failed"),
        ("row,feedback\n1,delivered\n", "neither received nor failed"),
        ("row,feedback\n0,received\n", "line 2: row must be the number of a row"),
        ("row,feedback\n-1,received\n", "row must be"),
        ("row,feedback\n1.5,received\n", "row must be"),
        ("row,feedback\n99999999999999999999,received\n", "row must be"),
        (f"row,feedback\n{'9' * 5000},received\n", "line 2: row must be the number of a row"),
        (f"destination,feedback\n{'9' * 5000},received\n", "line 2: destination: "),
        ("row,feedback\n,received\n", "line 2: nothing says which message is meant"),
        ("message_id,feedback\na b,received\n", "line 2: message_id must be a message id"),
        (f"message_id,feedback\n{'x' * 65},received\n", "message_id must be 1 to 64 characters"),
        ("destination,feedback\n1.42555E+10,received\n", "line 2: destination: Excel"),
        ("destination,feedback\nnobody,received\n", "line 2: destination: "),
        ("row,answer\n1,received\n", "feedback.csv: there is no column 'feedback'; there are 'row', 'answer'"),
        ("name,feedback\nAnn,received\n", "feedback.csv: no column says which message is meant"),
        ("row,feedback,Feedback\n1,received,failed\n", 'feedback.csv: the columns "feedback" and "Feedback" both'),
        ("row,feedback\n1,received,more\n", "line 2: 3 cells, but the header has 2"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, words: str, tmp_path: Path) -> None:
    """One line that says what to do, without the number or the value."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert words in caught.value.what
    assert str(tmp_path / "feedback.csv") in caught.value.what
    assert caught.value.hint
    assert "1.42555" not in str(caught.value)


@pytest.mark.parametrize("header", ["+14255550142,Ann", "feedback,1 (425) 555-0142"])
def test_a_number_where_a_column_should_be_is_not_quoted(header: str, tmp_path: Path) -> None:
    """The file has no header, most likely; its first line is about somebody."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, f"{header}\nreceived,+14255550143\n")
    assert "'[number]'" in caught.value.what
    assert "5550142" not in str(caught.value).replace("-", "")
    assert "header line missing" in caught.value.hint


def test_true_and_false_are_no_feedback(tmp_path: Path) -> None:
    """Of JSON neither: whether true means received, nobody said."""
    with pytest.raises(InputError, match="neither received nor failed"):
        read(tmp_path, '{"row": 1, "feedback": true}\n', name="f.jsonl")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([], "f.csv: there are no rows"),
        ([Said(2, "RECEIVED", row=1), Said(7, "FAILED", row=1)], "f.csv: lines 2 and 7 say different things"),
        ([Said(2, "RECEIVED", row=1)], "f.csv: none of its 1 rows means a message that is sent in"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(said: list[Said], words: str, tmp_path: Path) -> None:
    """Before the service is told anything."""
    clock = StandingClock()
    path = write_plan(tmp_path / "c.db", [pending(1)], clock=clock)
    with (
        FeedbackLedger.open_for_writing(path, clock=clock) as ledger,
        pytest.raises(InputError) as caught,
    ):
        match_file(ledger, said, name="f.csv")
    assert words in caught.value.what
    assert caught.value.hint
