"""What a sender in a process of its own is told to do, and what it tells afterwards: JSON over its pipes."""

import msgspec

from bulksend.config.model import PacingSettings

DEFAULT_HEADROOM = PacingSettings().headroom

SINGLE = "single"
MIXED = "mixed"
MIXES = {SINGLE: "single parts", MIXED: "1 in 10 of 10 parts"}
"""What the messages are like -> how the tables call it."""


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of one identity, offered faster than its limit lets them go.

    Attributes:
        contender: who paces; a key of `pacers.PACERS`, or `pacers.BOTO3`.
        identity: whom the messages are from; its bucket at the simulator has the same name.
        mps: its limit, in parts per second.
        mix: a key of `MIXES`.
        seed: of the sequence of messages.
        spans: (from, to), in seconds after the start: when messages are offered. Nothing new is between them.
        headroom: of bulksend's meter.
        parts_lately: what an earlier process released within the last second; only bulksend's meter asks.
    """

    contender: str
    identity: str
    mps: int
    mix: str
    seed: int
    spans: tuple[tuple[float, float], ...]
    headroom: float = DEFAULT_HEADROOM
    parts_lately: int = 0


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What one process does.

    Attributes:
        url: of the simulator.
        flows: all at once, on one event loop.
        starts_at: when, on the machine's monotonic clock; one that has passed: at once.
    """

    url: str
    flows: tuple[Flow, ...]
    starts_at: float = 0.0


class Sent(msgspec.Struct, kw_only=True):
    """What became of one flow, an item for each message (of boto3: for each attempt) in the order of the releases.

    Attributes:
        rows: which message of the sequence, from 0.
        parts: how many it has.
        asked: when it was offered, in seconds of the machine's monotonic clock.
        admitted: when the pacer let it go; empty where that is not known.
        released: when it was handed to the transport, which writes it in the same turn of the event loop.
        accepted: whether the service took it.
        failed: messages that were given up (boto3 alone tries again).
        waiting: (parts, seconds waited) of the messages that still waited at the end.
    """

    rows: list[int] = msgspec.field(default_factory=list)
    parts: list[int] = msgspec.field(default_factory=list)
    asked: list[float] = msgspec.field(default_factory=list)
    admitted: list[float] = msgspec.field(default_factory=list)
    released: list[float] = msgspec.field(default_factory=list)
    accepted: list[bool] = msgspec.field(default_factory=list)
    failed: int = 0
    waiting: list[tuple[int, float]] = msgspec.field(default_factory=list)


class Done(msgspec.Struct, kw_only=True):
    """What one process did.

    Attributes:
        flows: as in the task.
        cpu_s: processor time, user and system, from the first offer to the last answer.
    """

    flows: list[Sent]
    cpu_s: float
