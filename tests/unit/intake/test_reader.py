import codecs
import csv
import gzip
import hashlib
import io
import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.errors import ConfigError, InputError
from bulksend.base.export_fields import EXPORT_FIELDS
from bulksend.base.records import InputRow
from bulksend.intake import InputFormat, digest_recipients, open_recipients

CSV = b"phone,name\n+14255550100,Ann\n"
JSONL = b'{"phone": "+14255550100", "name": "Ann"}\n'
ROWS = [InputRow(1, 2, {"phone": "+14255550100", "name": "Ann"})]

PACK: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}


def read(data: bytes, **options: str) -> tuple[InputFormat, list[InputRow]]:
    """Read all of a standard input; return what it was found to be, and its rows."""
    with open_recipients("-", stdin=io.BytesIO(data), **options) as recipients:
        rows = list(recipients)
        return recipients.format, rows


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".CSV", "", ".dat"])
@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
def test_every_kind_of_name_is_read(tmp_path: Path, suffix: str, packed: str) -> None:
    """Kind by suffix, else by content, each also compressed; what was found is said."""
    data = JSONL if "json" in suffix else CSV
    path = tmp_path / f"list{suffix}{packed}"
    path.write_bytes(PACK[packed](data))

    with open_recipients(str(path)) as recipients:
        assert recipients.name == str(path)
        assert recipients.columns == (None if "json" in suffix else ("phone", "name"))
        assert [row.cells for row in recipients] == [ROWS[0].cells]
        assert recipients.format == InputFormat(
            kind="jsonl" if "json" in suffix else "csv",
            encoding="UTF-8",
            delimiter=None if "json" in suffix else ",",
            compression={"": None, ".gz": "gzip", ".zst": "zstd"}[packed],
        )
        assert recipients.sha256 == hashlib.sha256(data).hexdigest() == digest_recipients(str(path))


@pytest.mark.parametrize("data", [JSONL, b"\n \r\n" + JSONL, JSONL.decode().encode("utf-16"), codecs.BOM_UTF8 + JSONL])
def test_standard_input_is_jsonl_when_it_starts_with_a_brace(data: bytes) -> None:
    """Without a name the first character that is not white space tells the kind."""
    found, rows = read(data)

    assert found.kind == "jsonl"
    assert [row.cells for row in rows] == [ROWS[0].cells]


def test_standard_input_is_csv_otherwise() -> None:
    """Standard input has its own name and is read like a file."""
    with open_recipients("-", stdin=io.BytesIO(CSV)) as recipients:
        assert (recipients.name, recipients.format.kind) == ("standard input", "csv")
        assert list(recipients) == ROWS


def test_an_input_is_read_once() -> None:
    """A second iteration would find nothing and look like an empty list; it is refused."""
    with open_recipients("-", stdin=io.BytesIO(CSV)) as recipients:
        list(recipients)
        with pytest.raises(RuntimeError):
            iter(recipients)


def test_the_digest_waits_for_the_end() -> None:
    """The digest of a part of the input is never given."""
    data = CSV + b"+14255550101,Bob\n" * 50_000
    with open_recipients("-", stdin=io.BytesIO(data)) as recipients:
        next(iter(recipients))
        with pytest.raises(RuntimeError):
            _ = recipients.sha256


def test_the_encoding_may_be_refined_while_reading() -> None:
    """A list that is ASCII for long is called UTF-8, until a name in cp1252 comes."""
    data = CSV + b"+14255550101,Bob\n" * 50_000 + "+34911234567,José\n".encode("cp1252")
    with open_recipients("-", stdin=io.BytesIO(data)) as recipients:
        assert recipients.format.encoding == "UTF-8"
        *_, last = recipients
        assert (recipients.format.encoding, last.cells["name"]) == ("cp1252", "José")
        assert recipients.sha256 == hashlib.sha256(data).hexdigest()


def test_the_users_words_go_before_what_is_found() -> None:
    """Encoding, delimiter and number column can be given."""
    found, rows = read("mobile:a;b\n+48123456789:Łódź\n".encode("cp1250"), encoding="cp1250", delimiter=":")
    assert found == InputFormat(kind="csv", encoding="cp1250", delimiter=":", compression=None)
    assert rows[0].cells == {"mobile": "+48123456789", "a;b": "Łódź"}

    found, _ = read(b"Mobile;a,b,c,d\n", number_column="mobile")
    assert found.delimiter == ";"


@pytest.mark.parametrize("options", [{"encoding": "nonsense"}, {"delimiter": "nonsense"}])
def test_a_wrong_setting_is_a_configuration_error(options: dict[str, str]) -> None:
    """The key is named, and the input is closed again."""
    with pytest.raises(ConfigError, match=next(iter(options))):
        read(CSV, **options)


@pytest.mark.parametrize(
    ("name", "data", "what"),
    [
        ("list.csv", b"", "{}: the input is empty"),
        ("list.csv", b"\xef\xbb\xbf\r\n \n", "{}: the input is empty"),
        ("list.jsonl", b"\n\n", "{}: the input is empty"),
        ("list.csv", b" " * 2_000_000, "{}: the input is empty"),
        ("list.csv", JSONL, "{}: this is JSON, not CSV"),
        ("list.csv", b'[{"phone": "+1"}]', "{}: this is JSON, not CSV"),
        ("list.csv", b'{\n  "phone": "+1",\n  "name": "x"\n}', "{}: this is JSON, not CSV"),
        ("list.json", b'\n[{"phone": "+1"}]', "{}: this is a JSON array"),
        ("list.json", b'[\n  {"phone": "+1"}\n]', "{}: this is a JSON array"),
        ("list.jsonl", b'["+1", "Ann"]\n', "{}: this is a JSON array"),
        ("list.jsonl", CSV, "{}, line 1: is this JSONL?"),
        ("list.csv.gz", CSV, "{}: the name ends in .gz, but"),
        ("list.csv", b"phone,name\n+1,Jos\xc3\xa9\n+2,\xff\n", "{}, line 3: the byte 0xFF does not fit UTF-8"),
        ("list.csv", b"\xff,\xc3\xa9,\xc3\xa8\n", "{}, line 1: the byte 0xFF does not fit UTF-8"),
        ("list.csv", "phone,name\r+1,José\r+2,".encode("cp1252") + b"\x81", "{}, line 3: the byte 0x81 does not fit"),
        ("list.csv", b'phone\n+1\n"+2', "{}, line 3: a quote that is opened"),
        ("list.csv", b"%PDF-1.7", "{}: this is a PDF document"),
    ],
)
def test_what_cannot_be_read_is_an_input_error_with_place_and_cause(
    tmp_path: Path, name: str, data: bytes, what: str
) -> None:
    """File, line where there is one, cause, and what to do, on one line without any of the content."""
    path = tmp_path / name
    path.write_bytes(data)

    with pytest.raises(InputError) as caught, open_recipients(str(path)) as recipients:
        list(recipients)

    assert caught.value.what.startswith(what.format(path))
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    assert "Ann" not in str(caught.value)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_damage_in_compressed_data_names_the_line_it_was_met_at(pack: Callable[[bytes], bytes]) -> None:
    """What could be unpacked is read; the error says about where the data ends."""
    text = b"phone,code\n" + b"".join(hashlib.sha256(b"%d" % i).hexdigest().encode() + b",x\n" for i in range(20_000))
    rows: list[InputRow] = []

    with (
        pytest.raises(InputError, match=r"^standard input, line [0-9]+: the .* data is cut off") as caught,
        open_recipients("-", stdin=io.BytesIO(pack(text)[:-1000])) as recipients,
    ):
        rows.extend(recipients)

    line = re.search(r"line ([0-9]+)", caught.value.what)
    assert line is not None
    assert int(line[1]) == len(rows) + 2
    assert len(rows) > 10_000


def test_a_header_that_looks_like_json_but_has_the_numbers_is_csv(tmp_path: Path) -> None:
    """A file that is called CSV and has the column of the numbers is believed."""
    path = tmp_path / "list.csv"
    path.write_bytes(b'["odd"],phone\nx,+1\n')

    with open_recipients(str(path)) as recipients:
        assert [row.cells["phone"] for row in recipients] == ["+1"]


def test_an_export_can_be_fed_back() -> None:
    """CSV and JSONL exports give the rows of the input they came from."""
    source = {"phone": "+14255550100", "name": "Ann"}
    line = {**dict.fromkeys(EXPORT_FIELDS, "x")}
    as_csv = io.StringIO()
    writer = csv.writer(as_csv)
    writer.writerow([*line, *source])
    writer.writerow([*line.values(), *source.values()])

    assert read(as_csv.getvalue().encode())[1] == ROWS
    assert read(json.dumps({**line, "source": source}).encode())[1] == [InputRow(1, 1, source)]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, kind: str) -> None:
    """Ten times the rows take the same memory, give or take a block."""

    def peak(rows: int) -> int:
        path = tmp_path / f"list{rows}.{kind}.gz"
        one = b'+14255550100,"a quoted, cell",plain\n' if kind == "csv" else JSONL
        path.write_bytes(gzip.compress((b"phone,a,b\n" if kind == "csv" else b"") + one * rows))
        tracemalloc.start()
        try:
            with open_recipients(str(path)) as recipients:
                assert sum(1 for _ in recipients) == rows
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(100_000) < peak(10_000) + 200_000


def test_a_digest_is_that_of_the_content_not_of_the_packing() -> None:
    """The same list gives the same digest however it is compressed, and a damaged one gives none."""
    plain = hashlib.sha256(CSV).hexdigest()
    packed = gzip.compress(CSV)

    assert {digest_recipients("-", stdin=io.BytesIO(data)) for data in (CSV, packed, zstandard.compress(CSV))} == {
        plain
    }
    with pytest.raises(InputError, match="cut off"):
        digest_recipients("-", stdin=io.BytesIO(packed[:-1]))


class Trickle(io.BytesIO):
    """A pipe that gives at most `most` bytes at a time."""

    most = 1

    def read(self, size: int | None = -1) -> bytes:
        return super().read(self.most if size is None or size < 0 else min(size, self.most))


# Pairs of cp1252 bytes can be UTF-8 by chance; letters between ASCII ones cannot.
WESTERN = st.lists(
    st.sampled_from(["a", "ée ", "ñ1", "ßx", ";", ",", "|", "\t", '"', "\n", "\r\n", "\r", " "]), max_size=6
)
ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"]
LABELS = ["UTF-8", "UTF-8 with BOM", "UTF-16LE", "UTF-16LE", "UTF-16BE", "cp1252"]


@given(data=st.data())
def test_what_csv_writers_write_is_read(data: st.DataObject) -> None:
    """Any cells, in any delimiter, quoting, line end, encoding and packing, come back with their row and line."""
    codec, label = data.draw(st.sampled_from(list(zip(ENCODINGS, LABELS, strict=True))))
    delimiter = data.draw(st.sampled_from(",;\t|"))
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    width = data.draw(st.integers(2, 4))
    western = codec in {"cp1252", "utf-16-le", "utf-16-be"}
    cell = WESTERN.map("".join) if western else ANY
    records = data.draw(st.lists(st.lists(cell, min_size=width, max_size=width), max_size=6))
    header = ["phone", "naïve" if western else "name", "x y", 'a "quoted",;|\t\n name'][:width]

    text = io.StringIO()
    writer = csv.writer(
        text,
        delimiter=delimiter,
        lineterminator=end,
        # Quoting as little as possible, the module leaves line ends bare that are not its own.
        quoting=csv.QUOTE_ALL if end != "\r\n" else data.draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL])),
    )
    lines = []
    for record in [header, *records]:
        lines.append(1 + len(re.findall(r"\r\n|\r|\n", text.getvalue())))
        writer.writerow(record)
    written = text.getvalue().encode(codec)
    stdin = Trickle(PACK[data.draw(st.sampled_from(sorted(PACK)))](written))
    stdin.most = data.draw(st.integers(1, 200))

    with open_recipients("-", stdin=stdin) as recipients:
        rows = list(recipients)
        assert recipients.columns == tuple(header)
        assert recipients.format.delimiter == delimiter
        assert recipients.format.encoding == label
        assert recipients.sha256 == hashlib.sha256(written).hexdigest()
    assert [list(row.cells.values()) for row in rows] == records
    assert [row.row for row in rows] == list(range(1, len(records) + 1))
    assert [row.line for row in rows] == lines[1:]
    assert [row.fault for row in rows] == [None if "".join(record).strip() else "empty row" for record in records]
