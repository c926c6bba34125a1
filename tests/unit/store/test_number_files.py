import threading
from itertools import chain
from pathlib import Path

import pytest

from bulksend.store.number_files import locked, replaced, write_lines


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    """What fails on the way leaves the old file, and nothing beside it; what ends well is private."""
    file = tmp_path / "numbers.txt"
    file.write_text("old\n")
    file.chmod(0o644)
    with pytest.raises(TypeError), replaced(file) as stream:
        write_lines(stream, chain(["new"], 5))  # type: ignore[arg-type]
    assert (file.read_text(), [*tmp_path.iterdir()]) == ("old\n", [file])
    with replaced(file) as stream:
        write_lines(stream, ["new", "newer"])
        assert file.read_text() == "old\n"
    assert (file.read_text(), [*tmp_path.iterdir()]) == ("new\nnewer\n", [file])
    assert file.stat().st_mode & 0o777 == 0o600


def test_who_waits_gets_the_file_that_is_there_then(tmp_path: Path) -> None:
    """The one that was opened while somebody held it is gone when its turn comes, and it reads the new one."""
    file = tmp_path / "numbers.txt"
    found: list[bytes] = []
    waiting = threading.Event()

    def second() -> None:
        waiting.set()
        with locked(file) as held:
            found.append(held.read())

    with locked(file) as held:
        assert held.read() == b""
        other = threading.Thread(target=second)
        other.start()
        assert waiting.wait(10)
        with replaced(file) as stream:
            write_lines(stream, ["new"])
        assert not found
    other.join(10)
    assert found == [b"new\n"]
