import gzip
import json
from pathlib import Path
from typing import Any

import botocore
import pytest

from bulksend.simulator.requests import REQUESTS
from bulksend.simulator.shapes import Choice, Flag, Integer, Items, Pairs, Shape, Structure, Text

FOLDER = Path(botocore.__file__).parent / "data/pinpoint-sms-voice-v2/2022-03-31"
SHAPES: dict[str, Any] = {}
OPERATIONS: dict[str, Any] = {}
with gzip.open(FOLDER / "service-2.json.gz") as packed:
    MODEL = json.load(packed)
SHAPES |= MODEL["shapes"]
OPERATIONS |= MODEL["operations"]


def hold_to_model(shape: Shape, name: str) -> None:
    """Compare a shape with the one that the service model has under `name`."""
    model = SHAPES[name]
    match shape:
        case Text(rule):
            assert model["type"] == "string"
            assert (rule.min_length, rule.max_length, rule.pattern) == (model["min"], model["max"], model["pattern"])
        case Choice(values):
            assert sorted(values) == sorted(model["enum"])
        case Integer(minimum, maximum):
            assert (model["type"], model["min"], model["max"]) == ("integer", minimum, maximum)
        case Flag():
            assert model["type"] == "boolean"
        case Items(item, minimum, maximum):
            assert (model["type"], model["min"], model["max"]) == ("list", minimum, maximum)
            hold_to_model(item, model["member"]["shape"])
        case Pairs(key, value, maximum):
            assert (model["type"], model["min"], model["max"]) == ("map", 0, maximum)
            hold_to_model(key, model["key"]["shape"])
            hold_to_model(value, model["value"]["shape"])
        case Structure(members, required):
            assert model["type"] == "structure"
            assert set(members) == set(model["members"])
            assert required == frozenset(model.get("required", ()))
            for member, of in members.items():
                hold_to_model(of, model["members"][member]["shape"])


@pytest.mark.parametrize("operation", REQUESTS)
def test_requests_are_those_of_the_service_model(operation: str) -> None:
    """Members, types, lengths, patterns, enums, sizes and what is required: all as in botocore's copy of the model."""
    hold_to_model(REQUESTS[operation], OPERATIONS[operation]["input"]["shape"])
