"""The files of config/, wherever they are: in an installed package beside the code, in a checkout at the top."""

from importlib.resources import files
from pathlib import Path

import bulksend


def sample(name: str) -> Path:
    """The path of `name` within config/. Raises `FileNotFoundError` when the installation lacks it."""
    package = Path(str(files(bulksend)))
    for folder in (package / "_config", package.parent / "config"):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(name)
