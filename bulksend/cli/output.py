"""Data on standard output, talk on standard error."""

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO

import click

from bulksend.base.errors import BulksendError, UsageError


@dataclass(slots=True)
class _Output:
    """What became of standard output in this run of a command.

    Attributes:
        used: data was written, or at least begun.
        gone: it could not be written any more, and goes nowhere since.
    """

    used: bool = False
    gone: bool = False


_output = _Output()


def begin_output() -> None:
    """Forget what became of standard output in an earlier run."""
    _output.used = _output.gone = False


def output_is_gone() -> bool:
    """Whether nobody gets what is written to standard output any more."""
    return _output.gone


@contextmanager
def to_standard_output() -> Iterator[BinaryIO]:
    """Standard output for data, flushed at the end.

    A reader that has gone (`| head`) is its own business: what is left is dropped without a word. Raises `UsageError`
    when there is no standard output, or it cannot be written (a full disk).
    """
    if sys.stdout is None:
        raise UsageError("standard output is closed", "Run the command with an open one, or with --out")
    _output.used = True
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _drop_output()
    except OSError as error:
        _drop_output()
        raise UsageError(f"standard output cannot be written: {error.strerror}", "Make room and run it again") from None


def _drop_output() -> None:
    _output.gone = True
    # Python flushes once more when it ends, and would complain then.
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def print_json(document: Mapping[str, object]) -> None:
    """Print one JSON object on one line of standard output."""
    import msgspec

    try:
        line = msgspec.json.encode(document)
    except UnicodeEncodeError:
        # The name of a file need not be UTF-8; what is not is half a surrogate pair here, and can be escaped.
        line = json.dumps(msgspec.to_builtins(document)).encode()
    with to_standard_output() as out:
        out.write(line + b"\n")


def print_error_json(error: BulksendError) -> None:
    """Print `error` as the one JSON object of a command with --json, unless something has been printed already."""
    if _output.used:
        return
    document = {"error": error.what, "hint": error.hint, "exit_code": int(error.exit_code), **error.details()}
    with suppress(UsageError):  # what is wrong is on standard error as well
        print_json(document)


def print_text(lines: Iterable[str]) -> None:
    """Print what the command was asked for, on standard output."""
    with to_standard_output() as out:
        for line in lines:
            out.write(f"{line}\n".encode(errors="backslashreplace"))


def say(lines: Iterable[str]) -> None:
    """Tell the person at the terminal something, on standard error; never fails, as nobody may be listening."""
    with suppress(OSError, ValueError, AttributeError):
        for line in lines:
            click.echo(line, err=True)


def standard_input() -> BinaryIO:
    """Standard input as bytes; empty when it is closed."""
    return io.BytesIO() if sys.stdin is None else sys.stdin.buffer


def is_watched() -> bool:
    """Whether a person is likely to look at standard error."""
    return sys.stderr is not None and sys.stderr.isatty()


def can_ask() -> bool:
    """Whether a question can be asked and answered on the terminal."""
    return is_watched() and sys.stdin is not None and sys.stdin.isatty()
