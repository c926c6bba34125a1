import ast
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
REFERENCE = (ROOT / ".github" / "REFERENCE.md").read_text()
JSON = REFERENCE[REFERENCE.index("\n## JSON\n") :]


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


def row_of(name: str) -> str:
    """The row of the README's table of commands that is about `name`."""
    table = README[README.index("\n## Commands\n") :]
    (row,) = re.findall(rf"^\| `bulksend {name}[ `].*$", table, re.MULTILINE)
    return str(row)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_readme_has_every_command_and_option(name: str) -> None:
    """A row of the table of commands, and in this very row every option of the command and no other."""
    assert set(re.findall(r"`(--[a-z][a-z-]+)", row_of(name))) == set(long_options(name))


def test_the_documents_name_no_option_that_does_not_exist() -> None:
    """What is written `--like-this` can be typed, wherever it stands."""
    known = {option for name in COMMANDS for option in long_options(name)} | {"--help", "--version"}
    assert set(re.findall(r"(?<=`)--[a-z][a-z-]+", README + REFERENCE)) <= known
    for document in (README, REFERENCE):
        for line in re.findall(r"bulksend [a-z]+ [^`|]*", document):
            assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", line)) <= known, line


@pytest.mark.parametrize("name", [name for name in COMMANDS if "--json" in long_options(name)])
def test_the_reference_says_what_json_prints(name: str) -> None:
    """Every command with --json has an entry."""
    assert re.search(rf"^- .*`{name} --json`", JSON, re.MULTILINE)


@pytest.mark.parametrize(
    "path",
    [
        *("cli/export.py", "cli/forget.py", "cli/ordering.py", "cli/reconciled.py"),
        *("report/account.py", "report/dry_run.py", "report/history_document.py", "report/opt_outs.py"),
        *("report/planned_document.py", "report/rehearsal.py", "report/summary.py"),
    ],
)
def test_the_reference_has_every_key_of_json(path: str) -> None:
    """What the files that make these objects put into them."""
    tree = ast.parse((ROOT / "bulksend" / path).read_text())
    keys = {
        key.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key in node.keys
        if isinstance(key, ast.Constant) and isinstance(key.value, str)
    }
    assert keys
    assert {key for key in keys if f"`{key}`" not in JSON} == set()


def test_the_documents_stay_readable() -> None:
    """No line but those of tables is longer than 120 characters."""
    for document in (ROOT / "README.md", *(ROOT / ".github").glob("*.md"), ROOT / "CHANGELOG.md"):
        lines = document.read_text().splitlines()
        assert [line for line in lines if len(line) > 120 and not line.startswith("|")] == [], document.name


def test_the_readme_has_exactly_two_set_up_lines() -> None:
    """One runs the demo, one passes the tests."""
    lines = [line.strip() for line in README.splitlines() if line.startswith("    python3 -m venv")]
    assert lines == [
        "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/bulksend demo",
        "python3 -m venv .venv && .venv/bin/pip install -e '.[dev]' && .venv/bin/python -m pytest",
    ]


def anchors_of(document: Path) -> set[str]:
    """What a link can name behind `#`: its headings, as GitHub writes them."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_of_the_documents_lead_somewhere() -> None:
    """Every relative link is a file of the repository, and what it names in it a heading."""
    for document in (ROOT / "README.md", *(ROOT / ".github").glob("*.md")):
        for target, anchor in re.findall(r"\]\(([^)#:]+)(?:#([^)]+))?\)", document.read_text()):
            assert (document.parent / target).exists(), f"{document.name}: {target}"
            assert not anchor or anchor in anchors_of(document.parent / target), f"{document.name}: {target}#{anchor}"


def test_the_version_is_in_one_place() -> None:
    """The package's own; the changelog knows it or has what comes next."""
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert f"## {__version__}" in changelog or "## Unreleased" in changelog


def test_the_top_level_holds_what_it_should() -> None:
    """Nothing gathers at the top."""
    allowed = {"pyproject.toml", "README.md", "bulksend", "tests", "config", "benchmarks", "LICENSE", "CHANGELOG.md"}
    assert {path.name for path in ROOT.iterdir() if not path.name.startswith(".") and path.suffix != ".db"} <= allowed
