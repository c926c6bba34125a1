"""Data on standard output, talk on standard error."""

import sys
from collections.abc import Iterable, Mapping

import click
import msgspec


def print_json(document: Mapping[str, object]) -> None:
    """Print one JSON object on one line of standard output."""
    sys.stdout.write(msgspec.json.encode(document).decode() + "\n")
    sys.stdout.flush()


def print_text(lines: Iterable[str]) -> None:
    """Print what the command was asked for, on standard output."""
    for line in lines:
        click.echo(line)


def say(lines: Iterable[str]) -> None:
    """Tell the person at the terminal something, on standard error."""
    for line in lines:
        click.echo(line, err=True)


def is_watched() -> bool:
    """Whether a person is likely to look at standard error."""
    return sys.stderr.isatty()


def can_ask() -> bool:
    """Whether a question can be asked and answered on the terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()
