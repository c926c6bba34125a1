"""Delivery events: what the service tells of messages after it accepted them, in whatever it arrives."""

from bulksend.track.events import read_events
from bulksend.track.values import Other, Unreadable

__all__ = ["Other", "Unreadable", "read_events"]
