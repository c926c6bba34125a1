"""Read recipients: CSV and JSONL, from a path or standard input, as a stream of `InputRow`."""

from bulksend.intake.columns import column_key, find_column
from bulksend.intake.excel import NumberCell, repair_number_cell
from bulksend.intake.reader import InputFormat, Recipients, digest_recipients, open_recipients

__all__ = [
    "InputFormat",
    "NumberCell",
    "Recipients",
    "column_key",
    "digest_recipients",
    "find_column",
    "open_recipients",
    "repair_number_cell",
]
