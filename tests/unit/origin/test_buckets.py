import pytest

from bulksend.base.records import Bucket
from bulksend.origin.buckets import buckets_of
from bulksend.origin.identity import Identity

IDENTITIES = [
    Identity(id="20440", bucket="20440", mps=100),
    Identity(id="+14255550142", bucket="10dlc", mps=20),
    Identity(id="+14255550143", bucket="10dlc", mps=20),
    Identity(id="+18885550100", bucket="toll-free", mps=3),
]


def test_one_bucket_for_each_limit() -> None:
    """Identities that share a bucket share its one limit; it is not added up."""
    buckets = buckets_of(IDENTITIES, dry_run_mps=None)
    assert buckets == {
        "20440": Bucket("20440", 100),
        "10dlc": Bucket("10dlc", 20),
        "toll-free": Bucket("toll-free", 3),
    }
    assert list(buckets) == ["20440", "10dlc", "toll-free"]


def test_dry_run_takes_the_lower_limit() -> None:
    """DryRun lowers a limit to its own and never raises one."""
    buckets = buckets_of(IDENTITIES, dry_run_mps=5)
    assert {name: bucket.mps for name, bucket in buckets.items()} == {"20440": 5, "10dlc": 5, "toll-free": 3}


def test_two_limits_in_one_bucket() -> None:
    """A bucket with two limits has no limit that could be kept."""
    with pytest.raises(ValueError, match="'10dlc' has two limits: 20 and 21 MPS"):
        buckets_of([*IDENTITIES, Identity(id="ACME", bucket="10dlc", mps=21)], dry_run_mps=None)


def test_an_identity_has_a_limit_for_each_of_its_entries() -> None:
    """What a sender id may in one country does not count against what it may in another."""
    entries = [Identity("ACME", "ACME/GB", 40, frozenset({"GB"})), Identity("ACME", "ACME/DE", 10, frozenset({"DE"}))]
    assert buckets_of(entries, dry_run_mps=None) == {"ACME/GB": Bucket("ACME/GB", 40), "ACME/DE": Bucket("ACME/DE", 10)}
