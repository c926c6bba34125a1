import io
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import pytest

from bulksend.base.errors import InputError
from bulksend.intake.place import Place
from bulksend.intake.wrong_file import refuse_wrong_file


def archive(*names: str) -> bytes:
    """Make a zip archive with these files in it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        for name in names:
            packed.writestr(name, "application/vnd.oasis.opendocument.spreadsheet" if name == "mimetype" else "x")
    return target.getvalue()


def tar() -> bytes:
    """Make a tar archive with one file in it."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as packed:
        packed.addfile(tarfile.TarInfo("list.csv"))
    return target.getvalue()


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (archive("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook (.xlsx)"),
        (archive("mimetype", "content.xml"), "an OpenDocument spreadsheet (.ods)"),
        (archive("list.csv"), "a zip archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and so on", "an old Excel workbook (.xls)"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"{\\rtf1\\ansi", "a Rich Text document"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (b"BZh91AY&SY\0\0", "compressed with bzip2"),
        (b"\xfd7zXZ\0\0\x04", "compressed with xz"),
        (b"7z\xbc\xaf\x27\x1c\0", "a 7-Zip archive"),
        (b"Rar!\x1a\x07\x01", "a RAR archive"),
        (b"\x1f\x8b\x08\0", "compressed twice"),
        (b"\x28\xb5\x2f\xfd\0", "compressed twice"),
        (tar(), "a tar archive"),
        (b"\xef\xbb\xbf\r\n<!DOCTYPE html>", "HTML or XML"),
        (b"<?xml version='1.0'?>", "HTML or XML"),
    ],
)
def test_known_files_are_named(head: bytes, what: str) -> None:
    """A file of another kind is called by its name, with what to do."""
    with pytest.raises(InputError) as caught:
        refuse_wrong_file(head, Place("list.csv"))

    assert caught.value.what == f"list.csv: this is {what}, not CSV or JSONL"
    assert caught.value.hint


def test_a_ledger_is_named(tmp_path: Path) -> None:
    """Whoever gives a ledger as input is told which command reads one."""
    path = tmp_path / "ledger.sqlite"
    ledger = sqlite3.connect(path)
    ledger.execute("CREATE TABLE row (row INTEGER)")
    ledger.close()

    with pytest.raises(InputError, match="an SQLite database") as caught:
        refuse_wrong_file(path.read_bytes(), Place(str(path)))

    assert "bulksend export" in caught.value.hint


@pytest.mark.parametrize("head", [b"", b"phone\n", b"PK,phone\n", b"BZh,phone\n", b'{"phone": 1}', b"<phone>;x\n"])
def test_text_passes(head: bytes) -> None:
    """What only resembles another kind of file is let through."""
    refuse_wrong_file(head, Place("list.csv"))
