import json
from pathlib import Path

from tests.support.command import bulksend


def test_parts_says_what_forces_ucs_2(tmp_path: Path) -> None:
    """Encoding, parts and units, and the character with its name and place."""
    done = bulksend("parts", "It\u2019s here", folder=tmp_path)
    assert done.code == 0
    assert "UCS-2, 1 part, 9 UTF-16 units" in done.out
    assert "U+2019 RIGHT SINGLE QUOTATION MARK" in done.out


def test_parts_jsonl_answers_line_by_line(tmp_path: Path) -> None:
    """One JSON string a line in, one object a line out, in order."""
    texts = ["a" * 160, "a" * 161, "\u4f60" * 71, "a" * 152 + "^" + "a" * 152]
    done = bulksend("parts", "--jsonl", folder=tmp_path, stdin="\n".join(map(json.dumps, texts)).encode())
    assert done.code == 0
    assert [json.loads(line) for line in done.out.splitlines()] == [
        {"encoding": "GSM-7", "parts": 1, "units": 160},
        {"encoding": "GSM-7", "parts": 2, "units": 161},
        {"encoding": "UCS-2", "parts": 2, "units": 71},
        {"encoding": "GSM-7", "parts": 3, "units": 306},
    ]


def test_parts_jsonl_names_the_line_that_is_no_string(tmp_path: Path) -> None:
    """A line that is not a JSON string ends with exit code 2 and its number."""
    done = bulksend("parts", "--jsonl", folder=tmp_path, stdin=b'"fine"\n{"not": "a string"}\n')
    assert done.code == 2
    assert "line 2" in done.error


def test_parts_without_a_text_is_a_usage_error(tmp_path: Path) -> None:
    """One line, exit code 2, and where to look."""
    done = bulksend("parts", folder=tmp_path)
    assert done.code == 2
    assert "bulksend parts --help" in done.error
