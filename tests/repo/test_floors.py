import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "bulksend"

STAGES = ("intake", "message", "objects", "origin", "rate", "schedule", "send", "store", "track")
ALLOWED: dict[str, set[str]] = {
    "base": set(),
    **{stage: {"base"} for stage in STAGES},
    "config": {"base", "message", "origin", "rate", "schedule"},
    "pipeline": {"base", "config", *STAGES},
    "report": {"base", "config", "message", "pipeline"},
    "simulator": {"base", "message"},
    "telemetry": {"base", "pipeline"},
    "api": {"base", "config", "pipeline", "report", "telemetry", *STAGES},
    "cli": {"api", "base", "config", "pipeline", "report", "simulator", *STAGES},
    "__init__": {"api", "base"},
    "__main__": {"cli"},
}
"""What may import what. Stage folders never import one another; nothing imports `cli` but the entry point."""

FILES = sorted(PACKAGE.rglob("*.py"))


def part_of(path: Path) -> str:
    """The floor that a file stands on: its folder's name, or its own at the top."""
    relative = path.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imported_modules(path: Path) -> set[str]:
    """Every module that a file imports, inside functions too."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            modules.add(node.module or "")
    return modules


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path: Path) -> None:
    """A file imports only from the floors that its own floor may stand on."""
    own = part_of(path)
    for module in imported_modules(path):
        if module.startswith("bulksend."):
            other = module.split(".")[1]
            assert other == own or other in ALLOWED[own], f"{own} must not import {module}"


def test_the_package_holds_nothing_but_its_source() -> None:
    """What an editor or a merge left there would be in every wheel."""
    others = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*")
        if path.is_file() and path.suffix != ".py" and "__pycache__" not in path.parts
    }
    assert others == {"py.typed"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_files_stay_readable(path: Path) -> None:
    """No file is much longer than 300 lines, and each begins by saying what it is for."""
    text = path.read_text()
    assert len(text.splitlines()) <= 320
    assert ast.get_docstring(ast.parse(text)), "a module docstring is missing"


def test_only_the_client_knows_the_sdk() -> None:
    """The SDK is imported by the service's client, its session, and the reader of S3, and by nothing else."""
    users = {
        str(path.relative_to(PACKAGE))
        for path in FILES
        if any(module.split(".")[0] in ("aiobotocore", "botocore", "boto3") for module in imported_modules(path))
    }
    assert users == {"objects/s3.py", "send/client.py", "send/sdk_errors.py", "send/wire.py"}


def test_only_the_command_line_reads_the_environment() -> None:
    """Environment, argv and signals come in through `cli`."""
    for path in FILES:
        if part_of(path) in ("cli", "__main__"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in {("os", "environ"), ("os", "getenv"), ("sys", "argv")}, path


def test_nothing_sleeps_for_real_in_the_package_or_in_unit_tests() -> None:
    """Waiting goes through the clock that came in from outside; `status --watch` alone waits for a person."""
    allowed = {PACKAGE / "cli" / "status.py"}
    for path in [*FILES, *(PACKAGE.parent / "tests" / "unit").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) != ("time", "sleep") or path in allowed, path
