import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from bulksend import __version__
from bulksend.cli.app import COMMANDS, app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def command(name: str) -> click.Command:
    """The loaded command."""
    found = app.get_command(click.Context(app), name)
    assert found is not None
    return found


def long_options(name: str) -> Iterator[str]:
    """Every --option of a command but --help."""
    for parameter in command(name).params:
        if isinstance(parameter, click.Option):
            yield next(each for each in parameter.opts if each.startswith("--"))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_numbered_examples(name: str) -> None:
    """A sentence, an explanation for every option, and examples that start with 1."""
    found = command(name)
    assert found.help
    assert found.epilog
    assert "Examples:" in found.epilog
    assert "  1. " in found.epilog
    assert f"bulksend {name}" in found.epilog
    for parameter in found.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, parameter.name


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_a_terminal_of_80_columns(name: str) -> None:
    """No line of a help page is wider."""
    result = CliRunner().invoke(app, [name, "--help"] if name else ["--help"], terminal_width=80)
    assert result.exit_code == 0
    assert [line for line in result.output.splitlines() if len(line) > 80] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_has_every_command_and_option(name: str) -> None:
    """A row of the table of commands; options that send shares with others stand there."""
    assert f"| `bulksend {name}" in README
    for option in long_options(name):
        assert f"`{option}" in README or f"{option} " in README, option


def test_the_readme_names_no_option_that_does_not_exist() -> None:
    """What is written `--like-this` can be typed."""
    known = {option for name in COMMANDS for option in long_options(name)} | {"--help", "--version"}
    of_others = {"--bash-complete"}
    table = README[README.index("## Commands") : README.index("### JSON")]
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", table)) - of_others <= known


def test_the_readme_has_exactly_two_set_up_lines() -> None:
    """One runs the demo, one passes the tests."""
    lines = [line.strip() for line in README.splitlines() if line.startswith("    python3 -m venv")]
    assert lines == [
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/bulksend demo",
        "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/python -m pytest",
    ]


def test_links_of_the_documents_lead_somewhere() -> None:
    """Every relative link is a file of the repository."""
    for document in (ROOT / "README.md", *(ROOT / ".github").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_the_version_is_in_one_place() -> None:
    """The package's own; the changelog knows it or has what comes next."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"## {__version__}" in changelog or "## Unreleased" in changelog


def test_the_top_level_holds_what_it_should() -> None:
    """Nothing gathers at the top."""
    allowed = {"pyproject.toml", "README.md", "bulksend", "tests", "config", "benchmarks", "LICENSE", "CHANGELOG.md"}
    assert {path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.suffix != ".db"} <= allowed
