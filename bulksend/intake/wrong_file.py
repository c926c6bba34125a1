"""Files that are often handed over in place of a CSV or JSONL file, known by their first bytes."""

from bulksend.intake.place import Place

HEAD_BYTES = 4096
"""How much of a file `refuse_wrong_file` wants to see."""

_EXPORT_CSV = 'In Excel, save the sheet as "CSV UTF-8"'
_UNPACK = "Unpack it first; only gzip and zstd are read as they are"
_AS_TEXT = "Save the list as CSV or JSONL"

_BY_START = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)", _EXPORT_CSV),
    (b"%PDF-", "a PDF document", _AS_TEXT),
    (b"{\\rtf", "a Rich Text document", _AS_TEXT),
    (b"SQLite format 3\0", "an SQLite database", "To read a ledger, use `bulksend export`"),
    (b"PAR1", "a Parquet file", _AS_TEXT),
    (b"\xfd7zXZ\0", "compressed with xz", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"Rar!\x1a\x07", "a RAR archive", _UNPACK),
    (b"\x1f\x8b\x08", "compressed twice", "Unpack it once"),
    (b"\x28\xb5\x2f\xfd", "compressed twice", "Unpack it once"),
)
_MARKUP = (b"<!doctype", b"<html", b"<?xml", b"<table")


def refuse_wrong_file(head: bytes, place: Place) -> None:
    """Raise InputError if a file that starts with `head` is known to be something else than text.

    Args:
        head: the first `HEAD_BYTES` of the file, decompressed; all of it if it is shorter.
        place: what the error names.
    """
    if wrong := _recognise(head):
        what, hint = wrong
        raise place.error(f"this is {what}, not CSV or JSONL", hint)


def _recognise(head: bytes) -> tuple[str, str] | None:
    if head.startswith(b"PK\x03\x04"):
        if b"[Content_Types].xml" in head or b"xl/" in head:
            return "an Excel workbook (.xlsx)", _EXPORT_CSV
        if b"opendocument.spreadsheet" in head:
            return "an OpenDocument spreadsheet (.ods)", "Save the sheet as CSV, in UTF-8"
        return "a zip archive", _UNPACK
    if head[4:10] == b"1AY&SY" and head.startswith(b"BZh"):
        return "compressed with bzip2", _UNPACK
    if head[257:262] == b"ustar":
        return "a tar archive", _UNPACK
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:16].lower().startswith(_MARKUP):
        return "HTML or XML", _AS_TEXT
    return next(((what, hint) for start, what, hint in _BY_START if head.startswith(start)), None)
