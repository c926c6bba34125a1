import csv
import json
from collections import defaultdict
from pathlib import Path

from tests.cli.test_campaign import SERVICE, prepare, send
from tests.support.command import bulksend, simulator
from tests.support.margin import at_most


def test_two_thousand_rows_at_three_limits(tmp_path: Path) -> None:
    """3, 20 and 100 MPS: counts add up, no second far above a limit, nothing on the second run, exports agree."""
    prepare(tmp_path, us=45, ca=300, de=1655)
    with simulator(tmp_path, SERVICE) as running:
        done = send(tmp_path, running, "--yes", "--json")
        assert done.code == 0, done.err
        stats = running.stats()
        again = send(tmp_path, running, "--yes", "--json")
        assert running.stats()["messages"]["offered"] == stats["messages"]["offered"]
    assert done.json["rows"] == done.json["sent"] == stats["messages"]["accepted"] == 2000
    assert (again.code, again.json["sent"], again.json["end"]) == (0, 2000, "complete")
    for name, bucket in stats["buckets"].items():
        assert bucket["fullest_offered"] <= at_most(bucket["mps"]), name
    lines = bulksend("export", "l.db", "--format", "jsonl", folder=tmp_path).out.splitlines()
    parts: dict[str, int] = defaultdict(int)
    for row in map(json.loads, lines):
        parts[row["bucket"]] += row["parts"]
    assert parts == {name: bucket["parts"] for name, bucket in stats["buckets"].items()}
    assert bulksend("export", "l.db", "--format", "csv", "--out", "r.csv", folder=tmp_path).code == 0
    with (tmp_path / "r.csv").open(newline="") as file:
        assert sum(1 for _ in csv.DictReader(file)) == 2000
