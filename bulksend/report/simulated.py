"""What a simulator saw, to people."""

from collections.abc import Iterator, Mapping
from typing import Any

from bulksend.report.words import cut


def simulator_lines(stats: Mapping[str, Any]) -> Iterator[str]:
    """What a simulator saw, for people."""
    yield "What the simulator saw"
    yield f"  {'bucket':<22} {'limit':>6} {'fullest second':>15} {'messages':>10} {'parts':>9} {'throttled':>10}"
    for kind in ("buckets", "dry_run_buckets"):
        for name, bucket in stats[kind].items():
            if not bucket["offered"]:
                continue
            label = cut(name if kind == "buckets" else f"{name} (DryRun)", 22)
            yield (
                f"  {label:<22} {bucket['mps']:>6,} {bucket['fullest_offered']:>15,} {bucket['accepted']:>10,}"
                f" {bucket['parts']:>9,} {bucket['throttled']:>10,}"
            )
    duplicates = stats["duplicates"]["destination_text"]
    yield f"  {duplicates:,} texts reached somebody twice"
