"""Every page of help: what people need to know of a command without having read anything else."""

import re

import click
import pytest

from bulksend.cli.app import COMMANDS, app

COLUMNS = 80


def command_of(name: str) -> click.Command:
    """The command `name`."""
    command = app.get_command(click.Context(app), name)
    assert command is not None
    return command


def page_of(name: str) -> str:
    """Its help, as a terminal of 80 columns shows it."""
    command = command_of(name)
    parent = click.Context(app, info_name="bulksend")
    context = click.Context(command, info_name=name, parent=parent, terminal_width=COLUMNS)
    return command.get_help(context)


def options_of(name: str) -> list[tuple[click.Option, str]]:
    """Its options that are shown, each with what is said of it."""
    context = click.Context(app)
    found = []
    for parameter in command_of(name).params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            record = parameter.get_help_record(context)
            assert record is not None
            found.append((parameter, record[1]))
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_a_page_has_numbered_examples_of_its_own_command_and_fits(name: str) -> None:
    """One at least, numbered from 1; and no line is longer than 80 characters."""
    page = page_of(name)
    assert [line for line in page.splitlines() if len(line) > COLUMNS] == []
    _, _, examples = page.partition("Examples:")
    numbers = [int(number) for number in re.findall(r"^ +(\d+)\. .+:$", examples, re.MULTILINE)]
    assert numbers
    assert numbers == list(range(1, len(numbers) + 1))
    assert f"bulksend {name}" in examples


@pytest.mark.parametrize("name", COMMANDS)
def test_options_say_their_defaults_and_variables(name: str) -> None:
    """Every option says what it is for; with a default, which; with a variable of the environment, which."""
    for option, told in options_of(name):
        assert told, option.opts
        for variable in [option.envvar] if isinstance(option.envvar, str) else option.envvar or []:
            assert f"env: {variable}" in told, option.opts
        default: object = option.get_default(click.Context(app))
        # Where there is none, click has a mark of its own for it, which differs from one version to the next.
        if not option.is_flag and type(default) in (str, int, float) and default != "":
            assert f"default: {default}" in told, option.opts


def test_the_first_page_fits_and_names_the_variables() -> None:
    """`bulksend --help`."""
    page = app.get_help(click.Context(app, info_name="bulksend", terminal_width=COLUMNS))
    assert [line for line in page.splitlines() if len(line) > COLUMNS] == []
    for word in ("BULKSEND_CONFIG", "BULKSEND_LEDGER", "BULKSEND_LOG_FORMAT", "BULKSEND_LOG_LEVEL", "AWS_PROFILE"):
        assert word in page
