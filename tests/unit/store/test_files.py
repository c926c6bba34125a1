import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulksend.store.files import beside, create_private, real_path, sync


@pytest.fixture(params=[0o000, 0o777], ids=["open", "shut"])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """An umask that would take nothing away, or everything."""
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_new_files_are_private_whatever_the_umask(tmp_path: Path) -> None:
    """A file is 0600 from its first moment."""
    create_private(tmp_path / "new")
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o600


def test_what_is_there_is_not_taken_over(tmp_path: Path) -> None:
    """Nor is a symbolic link followed to somewhere else."""
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("link", "file"):
        (tmp_path / "file").touch()
        with pytest.raises(FileExistsError):
            create_private(tmp_path / name)
    assert not (tmp_path / "elsewhere").exists()


def test_names_beside_keep_every_suffix() -> None:
    """`-wal` goes behind the whole name, as SQLite does it."""
    assert beside(Path("a/sale.2026.db"), "-wal") == Path("a/sale.2026.db-wal")


def test_one_file_has_one_real_path(tmp_path: Path) -> None:
    """All names of a file lead to the same one."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    assert real_path(tmp_path / "link" / "x") == real_path(tmp_path / "folder" / ".." / "folder" / "x")


def test_files_and_directories_can_be_synced(tmp_path: Path) -> None:
    """Content and names alike; what is not there is an error."""
    create_private(tmp_path / "new")
    sync(tmp_path / "new")
    sync(tmp_path)
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "missing")
