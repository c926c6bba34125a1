"""The fields of an exported row, in order: what the store writes and the intake takes off again."""

EXPORT_FIELDS = (
    "row",
    "line",
    "destination",
    "country",
    "identity",
    "bucket",
    "encoding",
    "parts",
    "status",
    "reason",
    "message_id",
    "attempts",
    "error_code",
    "error_message",
    "intent_at",
    "finished_at",
)
"""The input's own columns follow: in JSONL as an object under `SOURCE_FIELD`, in CSV as columns of their own."""

DELIVERY_FIELDS = ("delivery_status", "delivery_at", "carrier", "billed_parts", "price_usd")
"""What `bulksend reconcile` learnt of each message; these come after the others where they are asked for."""

SOURCE_FIELD = "source"
"""Member of a JSONL export that holds the input's own columns."""

SOURCE_PREFIX = "source."
"""In a CSV or Parquet export, put before an input's own column whose name is one of the fields."""

_FIELDS = frozenset({*EXPORT_FIELDS, *DELIVERY_FIELDS})


def exported_name(column: str) -> str:
    """What an input's own column is called in an export, where it stands beside the fields."""
    return SOURCE_PREFIX + column if _is_taken(column) else column


def original_name(exported: str) -> str:
    """The name that `exported_name` made `exported` of."""
    own = exported.removeprefix(SOURCE_PREFIX)
    return own if own != exported and _is_taken(own) else exported


def _is_taken(column: str) -> bool:
    """Whether it is one of the fields, or would be when prefixes are taken off."""
    while column.startswith(SOURCE_PREFIX):
        column = column.removeprefix(SOURCE_PREFIX)
    return column in _FIELDS
