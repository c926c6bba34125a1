"""A Dockerfile, as far as ours goes: instructions by stage, with lines that are continued joined."""

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "config" / "container"


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of one stage, which are counted from 0."""

    stage: int
    name: str
    words: str


def steps() -> list[Step]:
    """What the Dockerfile does, in order."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (FOLDER / "Dockerfile").read_text()).replace("\\\n", " ")
    stage = -1
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, _, words = line.partition(" ")
        stage += name == "FROM"
        found.append(Step(stage, name, " ".join(words.split())))
    return found


def last(name: str) -> str:
    """What instruction `name` of the last stage says."""
    return [step.words for step in steps() if step.name == name and step.stage == steps()[-1].stage][-1]


def variables() -> dict[str, str]:
    """What ENV of the last stage sets."""
    return dict(word.split("=", 1) for word in last("ENV").split())
