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
"""In a CSV export, put before an input's own column whose name is one of the fields."""
