"""What a simulator saw, to people."""

from collections.abc import Iterator, Mapping
from typing import Any

from bulksend.report.words import cut

CAUSES = {
    "identity": "by an identity's limit",
    "recipient": "by the limit to one recipient",
    "quota": "by the account's requests",
    "fault": "by chance",
}
"""What a message is throttled for -> in words."""


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
    for name, other in stats["other_traffic"].items():
        yield f"  {cut(name, 22):<22} {other['parts']:,} parts of other applications, {other['throttled']:,} throttled"
    for kind, what in (("messages", "throttled"), ("dry_run", "throttled (DryRun)")):
        throttled_by = stats[kind]["throttled_by"]
        causes = [f"{throttled_by[cause]:,} {words}" for cause, words in CAUSES.items() if throttled_by[cause]]
        if causes:
            yield f"  {what} {', '.join(causes)}"
    recipients = stats["recipients"]
    if 0 < recipients["limit"] < recipients["fullest_offered"]:
        yield (
            f"  one recipient was offered {recipients['fullest_offered']:,} messages in a second,"
            f" {recipients['limit']:,} is the limit"
        )
    duplicates = stats["duplicates"]["destination_text"]
    yield f"  {duplicates:,} texts reached somebody twice"
