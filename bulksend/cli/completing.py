"""What a shell offers for arguments and options of ours; loaded by help pages too, and so light."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def complete_files(context: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Any file; for INPUT, which may be a name that is no path."""
    from click.shell_completion import CompletionItem

    del context, parameter
    return [CompletionItem(incomplete, type="file")]


def complete_toml(context: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """The TOML files that begin so; any file where there are none, so that folders can be entered."""
    from click.shell_completion import CompletionItem

    folder, slash, name = incomplete.rpartition("/")
    try:
        found = sorted(path.name for path in Path(f"{folder}{slash}" or ".").glob("*.toml") if path.is_file())
    except OSError:
        found = []
    items = [CompletionItem(f"{folder}{slash}{each}") for each in found if each.startswith(name)]
    return items or complete_files(context, parameter, incomplete)


def complete_settings(context: click.Context, parameter: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """`section.key=` of every setting; for `resume` of those that can still change."""
    from click.shell_completion import CompletionItem

    del parameter
    keys = _settings(of_a_run=context.info_name == "resume")
    return [CompletionItem(f"{key}=") for key in keys if f"{key}=".startswith(incomplete)]


def _settings(*, of_a_run: bool) -> Iterator[str]:
    from msgspec.structs import fields

    from bulksend.config.changes import CHANGEABLE
    from bulksend.config.model import SECTIONS

    for section, model in SECTIONS.items():
        if section in CHANGEABLE or not of_a_run:
            yield from (f"{section}.{field.name}" for field in fields(model))
