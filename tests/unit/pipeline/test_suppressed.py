import codecs
import gzip
from pathlib import Path

import pytest

from bulksend.base.errors import ConfigError
from bulksend.pipeline.suppressed import SUPPRESS, SuppressionReader, read_suppressed
from bulksend.report.opt_outs import suppression_head
from bulksend.store.numbers import NumberSet
from tests.unit.pipeline.test_plan import settings_with
from tests.unit.store.helpers import START

ANN, BEN = "+14255550100", "+14255550101"


def read(path: Path, **changes: str) -> list[str]:
    """The numbers of a file."""
    return list(SuppressionReader(settings_with(**changes)).read(SUPPRESS, path))


@pytest.mark.parametrize(
    "content",
    [
        b"+14255550100\n+14255550101\n",
        b"\n  # said STOP\n\n(425) 555-0100  \n\t1 425 555 0101",
        codecs.BOM_UTF8 + b"+1 425 555 0100\r\n\r\n+1 425 555 0101\r\n",
        b"+14255550100\r+14255550101\r",
        codecs.BOM_UTF16_LE + "+14255550100\r\n\u202a+14255550101\u202c\r\n".encode("utf-16-le"),
        b'"+14255550100"\n"+14255550101"\n',
        b"+14255550100;\n+14255550101,,\n",
        b'="+14255550100"\n14255550101.0\n',
        b"tel:+1-425-555-0100\ntel:+1-425-555-0101\n",
        b"phone\n4255550100\n4255550101\n",
        b"OptedOutNumber,OptedOutTimestamp,EndUserOptedOut\n+14255550100,1735689600,true\n+14255550101,17,false\n",
        b'# read on Monday\n\n"Name";"Phone Number";"Since"\n"Ann; or";"+1 425 555 0100";"1"\n;"+14255550101";\n;;\n',
        gzip.compress(b"+14255550100\n+14255550101\n"),
    ],
)
def test_what_people_keep_such_numbers_in(content: bytes, tmp_path: Path) -> None:
    """Blanks, marks, line ends, encodings, quotes, one column or a table: the numbers are the same."""
    (tmp_path / "stop.txt").write_bytes(content)
    assert read(tmp_path / "stop.txt") == [ANN, BEN]


@pytest.mark.parametrize("content", [b"", b"\n\n", codecs.BOM_UTF8, b"# nobody yet\n"])
def test_nobody(content: bytes, tmp_path: Path) -> None:
    """A file may hold no number yet."""
    (tmp_path / "stop.txt").write_bytes(content)
    assert read(tmp_path / "stop.txt") == []


def test_the_column_is_that_of_the_input_first(tmp_path: Path) -> None:
    """Where a table has several columns that could be meant, `recipients.phone` is."""
    (tmp_path / "stop.csv").write_text("number,handy\n17,+14255550100\n18,+14255550101\n")
    assert read(tmp_path / "stop.csv", recipients__phone="Handy") == [ANN, BEN]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"+14255550100\nnobody\n", "stop.txt, line 2: there is no phone number in the cell"),
        (b"+14255550100\n\n1.42555E+10\n", "stop.txt, line 3: Excel rounded this number"),
        (b"12\n", "stop.txt, line 1: it is too short for country US"),
        (b"+14255550100,+14255550101\n", "stop.txt, line 1: there is a + inside the number, or more than one"),
        (b"phone,name\n+14255550100,Ann\n,Ben\n", "stop.txt, line 3: the cell is empty"),
        (b"phone,name\n+14255550100,Ann,x\n", "stop.txt, line 2: 3 cells, but the header has 2"),
        (b"who,when\nAnn,now\n", "stop.txt: there is no column of phone numbers in it; there are 'who', 'when'"),
        (b"PK\x03\x04xl/workbook", "stop.txt: this is"),
    ],
)
def test_a_number_that_cannot_be_read_is_an_error(content: bytes, says: str, tmp_path: Path) -> None:
    """It could not be kept from being texted; the line is named, and no number is quoted."""
    (tmp_path / "stop.txt").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read(tmp_path / "stop.txt")
    assert caught.value.what.startswith(f"recipients.suppress: {tmp_path}/{says}")
    assert caught.value.hint
    assert "425555" not in str(caught.value)


def test_what_the_service_lists_is_read_as_it_is(tmp_path: Path) -> None:
    """A file that `optouts` wrote may hold numbers that the numbering data has not heard of; no other file may."""
    numbers = [ANN, "+1425555010", "+99912345", BEN]
    head = suppression_head("Default", "arn:aws:x", read_at=START, count=4)
    (tmp_path / "ours.txt").write_text("\n".join([*head, *numbers, ""]))
    assert read(tmp_path / "ours.txt") == numbers
    (tmp_path / "theirs.txt").write_text("\n".join(numbers))
    with pytest.raises(ConfigError, match="line 2"):
        read(tmp_path / "theirs.txt")


def test_what_a_campaign_learns_does_not_make_it_another(tmp_path: Path) -> None:
    """The file that it adds to keeps people out, named in `suppress` too or not, and is no part of the fingerprint."""
    (tmp_path / "stop.txt").write_text(f"{ANN}\n")
    learnt = tmp_path / "learnt.txt"
    names = {"recipients__opted_out_file": str(learnt)}
    alone = settings_with(**names, recipients__suppress=str(tmp_path / "stop.txt"))
    found = []
    for text in ("", f"{BEN}\n", f"{BEN}\n{ANN}\n+14255550102\n"):
        learnt.write_text(text)
        twice = settings_with(**names, recipients__suppress=f"{learnt},{tmp_path / 'stop.txt'}")
        for settings in (alone, twice):
            with NumberSet() as numbers:
                found.append(read_suppressed(settings, numbers))
                assert {*numbers} == {ANN, *text.split()}
    assert len(set(found)) == 1
    learnt.unlink()
    with NumberSet() as numbers:
        assert read_suppressed(alone, numbers) == found[0]
    (tmp_path / "stop.txt").write_text(f"{ANN}\n{BEN}\n")
    with NumberSet() as numbers:
        assert read_suppressed(alone, numbers) != found[0]
