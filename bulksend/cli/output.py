"""Data on standard output, talk on standard error."""

import io
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import BinaryIO

import click
import msgspec

from bulksend.base.errors import BulksendError, UsageError


@contextmanager
def to_standard_output() -> Iterator[BinaryIO]:
    """Standard output for data, flushed at the end.

    A reader that has gone (`| head`) is its own business: what is left is dropped without a word. Raises `UsageError`
    when there is no standard output, or it cannot be written (a full disk).
    """
    if sys.stdout is None:
        raise UsageError("standard output is closed", "Run the command with an open one, or with --out")
    try:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _drop_output()
    except OSError as error:
        _drop_output()
        raise UsageError(f"standard output cannot be written: {error.strerror}", "Make room and run it again") from None


def _drop_output() -> None:
    # Python flushes once more when it ends, and would complain then.
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - a device, not a path
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


_PRINTED = "bulksend.json_printed"


def print_json(document: Mapping[str, object]) -> None:
    """Print one JSON object on one line of standard output."""
    context = click.get_current_context(silent=True)
    if context is not None:
        context.meta[_PRINTED] = True
    with to_standard_output() as out:
        out.write(msgspec.json.encode(document) + b"\n")


def print_error_json(error: BulksendError) -> None:
    """Print `error` as the one JSON object of a command with --json, unless that has printed its object already."""
    context = click.get_current_context(silent=True)
    if context is None or context.meta.get(_PRINTED) or not context.params.get("as_json"):
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
