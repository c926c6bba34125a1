from pathlib import Path

from tests.support.command import bulksend
from tests.support.margin import at_most


def test_the_demo_sends_its_list_at_the_limits(tmp_path: Path) -> None:
    """It ends well, accounts for every row, leaves its ledger, and no second was far above a limit."""
    done = bulksend("demo", "--json", folder=tmp_path)
    assert done.code == 0, done.err
    assert done.json["end"] == "complete"
    statuses = ("pending", "sending", "sent", "failed", "unknown", "skipped")
    assert sum(done.json[status] for status in statuses) == done.json["rows"] > 300
    assert done.json["reasons"]["failed"] == {"destination_phone_number_opted_out": 1}
    assert set(done.json["reasons"]["skipped"]) >= {"duplicate", "invalid_number", "suppressed", "missing_field"}
    assert (tmp_path / "demo.db").exists()
    assert "The ledger has" in done.err
    assert "the same number" in done.err
    seen = done.err[done.err.index("What the simulator saw") :].splitlines()[2:6]
    limits = {cells[0]: (int(cells[1]), int(cells[2])) for cells in map(str.split, seen)}
    assert set(limits) == {"toll-free", "10dlc-acme", "ACME", "+16045550123"}
    for bucket, (limit, fullest) in limits.items():
        assert fullest <= at_most(limit), bucket
