import gzip
import hashlib
import io
import os
from pathlib import Path
from threading import Thread

import pytest
import zstandard

from bulksend.base.errors import InputError
from bulksend.intake.place import Place
from bulksend.intake.source import open_source

TEXT = b"phone,name\n" + b"+14255550100,Ann\n" * 20_000


class Trickle(io.BytesIO):
    """A pipe that gives a few bytes at a time, as pipes may."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(7, 7 if size is None or size < 0 else size))


class Broken(io.BytesIO):
    """A file on a medium that fails half-way."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 0:
            raise OSError(5, "Input/output error")
        return super().read(size)


class NotReady(io.BytesIO):
    """A pipe in non-blocking mode that has nothing yet: it answers None, which is not the end."""

    def read(self, size: int | None = -1) -> bytes:  # noqa: ARG002 the signature of a file
        return None  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("name", "data", "suffix", "compression"),
    [
        ("list.csv", TEXT, ".csv", None),
        ("LIST.CSV", TEXT, ".csv", None),
        ("list.csv.gz", gzip.compress(TEXT), ".csv", "gzip"),
        ("list.v2.jsonl.ZST", zstandard.compress(TEXT), ".jsonl", "zstd"),
        ("list.csv", gzip.compress(TEXT), ".csv", "gzip"),
        ("list.gz", zstandard.compress(TEXT), "", "zstd"),
        ("list", TEXT, "", None),
        (".csv", TEXT, "", None),
    ],
)
def test_a_file_is_read_as_its_content_says(
    tmp_path: Path, name: str, data: bytes, suffix: str, compression: str | None
) -> None:
    """Compression goes by the content, the suffix is that of what is inside, and the digest is over that too."""
    path = tmp_path / name
    path.write_bytes(data)
    source = open_source(Place(str(path)))

    assert b"".join(source) == TEXT
    assert (source.suffix, source.compression) == (suffix, compression)
    assert source.sha256 == hashlib.sha256(TEXT).hexdigest()
    source.close()


def test_standard_input_is_read_forwards_and_left_open() -> None:
    """Standard input may come in tiny pieces, is called by its name, and is not ours to close."""
    stdin = Trickle(TEXT)
    place = Place("-")
    source = open_source(place, stdin=stdin)

    assert b"".join(source) == TEXT
    source.close()
    assert not stdin.closed
    assert place.name == "standard input"


def test_a_named_pipe_can_be_read(tmp_path: Path) -> None:
    """A path need not be a file that can be read twice."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = Thread(target=path.write_bytes, args=[TEXT])
    writer.start()
    source = open_source(Place(str(path)))

    assert b"".join(source) == TEXT
    writer.join()
    source.close()


def test_the_digest_is_not_known_before_the_end() -> None:
    """Half a digest is never given out."""
    source = open_source(Place("-"), stdin=io.BytesIO(TEXT))
    next(iter(source))

    with pytest.raises(RuntimeError):
        _ = source.sha256


def test_a_missing_file_a_directory_and_s3_are_named(tmp_path: Path) -> None:
    """What cannot be opened is named with the cause and with what to do."""
    for name, cause in [
        (str(tmp_path / "none.csv"), "there is no such file"),
        (str(tmp_path), "this is a directory"),
        ("s3://bucket/list.csv", "objects in S3 are not read directly"),
    ]:
        with pytest.raises(InputError) as caught:
            open_source(Place(name))
        assert caught.value.what == f"{name}: {cause}"
        assert caught.value.hint


@pytest.mark.parametrize("name", ["x" * 5000, "list\0.csv"])
def test_impossible_names_are_input_errors(name: str) -> None:
    """A name that the system refuses is no fault of ours."""
    with pytest.raises(InputError, match="it cannot be opened"):
        open_source(Place(name))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_named(tmp_path: Path) -> None:
    """A file that may not be read is told from one that is not there."""
    path = tmp_path / "list.csv"
    path.write_bytes(TEXT)
    path.chmod(0)

    with pytest.raises(InputError, match="no permission"):
        open_source(Place(str(path)))


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_a_suffix_that_is_not_true_is_named(tmp_path: Path, suffix: str) -> None:
    """A file that is not compressed as its name says is not read as something else in silence."""
    path = tmp_path / f"list.csv{suffix}"
    path.write_bytes(TEXT)

    with pytest.raises(InputError, match=f"the name ends in {suffix}, but"):
        open_source(Place(str(path)))


@pytest.mark.parametrize("data", [b"%PDF-1.7", gzip.compress(b"%PDF-1.7"), zstandard.compress(b"%PDF-1.7")])
def test_wrong_files_are_recognised_inside_compression_too(data: bytes) -> None:
    """A PDF is a PDF, packed or not."""
    with pytest.raises(InputError, match="a PDF document"):
        open_source(Place("-"), stdin=io.BytesIO(data))


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    """Nothing at all is an error, whatever the name claims."""
    path = tmp_path / "list.csv.gz"
    path.touch()

    with pytest.raises(InputError, match="the input is empty"):
        open_source(Place(str(path)))


def test_a_failing_medium_is_an_input_error() -> None:
    """An error while reading says what the system said."""
    source = open_source(Place("-"), stdin=Broken(TEXT), block_bytes=8192)

    with pytest.raises(InputError, match=r"^standard input: reading failed \(Input/output error\)"):
        list(source)


def test_a_pipe_that_is_not_ready_is_not_the_end() -> None:
    """Non-blocking standard input is refused: to take "nothing yet" for the end would lose recipients."""
    with pytest.raises(InputError, match="non-blocking"):
        open_source(Place("-"), stdin=NotReady(TEXT))
