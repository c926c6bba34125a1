import re
from pathlib import Path

from bulksend.telemetry.figures import METRICS

REFERENCE = Path(__file__).parents[2] / ".github" / "REFERENCE.md"


def test_the_metrics_of_the_reference_are_those_there_are() -> None:
    """Name, type and labels of each, in the same order."""
    rows = re.findall(r"^\| `(bulksend_\w+)` \| (\w+) \| ([^|]*) \|", REFERENCE.read_text(), re.MULTILINE)
    documented = [(name, kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows]
    assert documented == [(metric.exposed, metric.kind.value, metric.labels) for metric in METRICS]
