"""What the simulator accepted, message by message (it has to run with `record_messages = true`)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.request import ProxyHandler, build_opener

from bulksend.cli.demonstrating import RunningSimulator
from tests.support.command import wait_until

QUIET_WITHIN_S = 100.0
"""What a dead process left behind is done with by then: late answers to it are awaited too."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that was accepted, with the row and the attempt that its Context tells."""

    row: int
    attempt: int
    destination: str
    message_id: str
    parts: int

    @classmethod
    def of(cls, message: Mapping[str, Any]) -> "Accepted":
        """From `GET /_simulator/messages`."""
        row, attempt = message["context"]["bulksend_row"].split(".")
        return cls(int(row), int(attempt), message["destination"], message["message_id"], message["parts"])


def accepted_by(running: RunningSimulator) -> list[Accepted]:
    """All that was accepted, once everything that was on its way from a dead process has arrived."""
    seen = -1

    def is_quiet() -> bool:
        nonlocal seen
        before, stats = seen, running.stats()
        seen = stats["messages"]["offered"]
        return seen == before and not stats["concurrent"]

    wait_until(is_quiet, "the simulator is not done with its requests", timeout_s=QUIET_WITHIN_S)
    with build_opener(ProxyHandler({})).open(f"{running.url}/_simulator/messages", timeout=20) as answer:
        return [Accepted.of(message) for message in json.load(answer)["messages"]]
