"""Delivery events on disk, one JSON object a line."""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec


class EventFile:
    """Appends events to a file that only its owner can read: events hold whole numbers.

    Raises:
        OSError: the file cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self._encoder = msgspec.json.Encoder()
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab", buffering=0)

    def write(self, events: Sequence[dict[str, object]]) -> None:
        """Append `events` in one write, so that a reader sees whole lines."""
        if events:
            self._file.write(b"".join(self._encoder.encode(event) + b"\n" for event in events))

    def close(self) -> None:
        """Close the file."""
        self._file.close()
