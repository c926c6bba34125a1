"""SDKs that only the benchmark `send` needs: installed at first use, by their own clients, outside the project.

They are kept in the user's cache, in a folder for each set of versions; `npm` and `pip` fetch them from where they are
set up to.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

HERE = Path(__file__).parent
JAVASCRIPT = HERE / "js"
PYTHON = HERE / "peers.txt"
TIMEOUT_S = 600
TOLD = 300
"""How much of a failed installation's last words is told, in characters."""


class Missing(Exception):
    """A contender cannot run on this machine; the message says why."""


def javascript() -> Path:
    """A folder in which `send.mjs` runs.

    Raises:
        Missing: there is no node or npm, or npm could not install.
    """
    for command in ("node", "npm"):
        if shutil.which(command) is None:
            raise Missing(f"there is no {command}")
    names = ("package.json", "package-lock.json")

    def install(folder: Path) -> Sequence[str]:
        for name in names:
            shutil.copy(JAVASCRIPT / name, folder)
        return ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]

    folder = _installed("js", [JAVASCRIPT / name for name in names], install)
    # A module is looked for beside the file that imports it, so the program goes where the packages are.
    shutil.copy(JAVASCRIPT / "send.mjs", folder)
    return folder


def python() -> Path:
    """A folder with the packages of `peers.txt`, for the end of `sys.path`.

    Raises:
        Missing: pip could not install.
    """

    def install(folder: Path) -> Sequence[str]:
        return [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folder), "-r", str(PYTHON)]

    return _installed(f"python{sys.version_info[0]}.{sys.version_info[1]}", [PYTHON], install)


def _installed(kind: str, locks: Sequence[Path], install: Callable[[Path], Sequence[str]]) -> Path:
    """The folder for exactly these versions; filled beside its place, so that one that is there is whole."""
    versions = sha256(b"\0".join(lock.read_bytes() for lock in locks)).hexdigest()[:12]
    place = _cache() / f"{kind}-{versions}"
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix=f"{kind}-", dir=place.parent))
    print(f"installing the SDKs to compare with into {place}", file=sys.stderr)
    try:
        words = install(folder)
        done = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S)  # noqa: S603, PLW1510
    except (OSError, subprocess.TimeoutExpired) as error:
        shutil.rmtree(folder)
        raise Missing(f"{kind}: {error}") from error
    if done.returncode:
        shutil.rmtree(folder)
        raise Missing(f"`{' '.join(words[:3])}` ended with {done.returncode}: {done.stderr.strip()[-TOLD:]}")
    folder.rename(place)
    return place


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bulksend-benchmarks"
