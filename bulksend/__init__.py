"""Bulk SMS through AWS End User Messaging: every message at the limit, every row accounted for."""

__version__ = "0.1.0"
