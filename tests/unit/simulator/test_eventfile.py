import stat
from pathlib import Path

from bulksend.simulator.eventfile import EventFile


def test_lines_are_appended_for_the_owners_eyes(tmp_path: Path) -> None:
    """One JSON object a line, after what is there; mode 0600, because events hold whole numbers."""
    path = tmp_path / "events.jsonl"
    for number in (1, 2):
        file = EventFile(path)
        file.write([{"n": number}, {"n": "ş"}])
        file.write([])
        file.close()
    assert path.read_text(encoding="utf-8") == '{"n":1}\n{"n":"ş"}\n{"n":2}\n{"n":"ş"}\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
