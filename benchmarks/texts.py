"""What is sent, to whom, and with whose credentials: all made up, and nothing is sent but on loopback."""

LONG_PARTS = 10
TEXTS = {1: "Your table is booked for eight tonight.", LONG_PARTS: "x" * 1530}
"""Parts -> a text of so many (GSM 03.38: 153 septets a part when there are several)."""

CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_REGION": "us-east-1"}
"""Any do for the simulator."""


def number(row: int) -> str:
    """A recipient for each row."""
    return f"+1425{2_000_000 + row % 7_900_000:07d}"
