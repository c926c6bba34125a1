import json
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bulksend.base.account import Account, NumberRecord
from bulksend.base.found import Disagreement, Found
from bulksend.config.load import load_settings
from bulksend.config.model import IdentitySettings
from bulksend.origin.discovery import discovered
from bulksend.report.account import account_document, configuration_lines, disagreement_lines
from tests.support.account import member, number, pool, sender

AT = datetime(2026, 11, 23, 18, 5, tzinfo=UTC)
POOL = "pool-0123456789abcdef0123456789abcdef"
CAMPAIGN = "registration-0123456789abcdef0123456789abcd01"


def lines(found: Found) -> list[str]:
    """What is printed."""
    return list(configuration_lines(found, region="us-east-1", read_at=AT))


def loaded(text: str) -> tuple[IdentitySettings, ...]:
    """The identities that our own loader takes from a file with `text`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "identities.toml"
        path.write_text(text, encoding="utf-8")
        return load_settings(path, environ={}, complete=False).identities


def account() -> Account:
    """An account with something of everything."""
    numbers = (
        number("+18885550100", international=True, pool_id=POOL),
        number("20440", type="short_code", mps=None),
        number("+14255550142", type="ten_dlc", registration_id=CAMPAIGN, mps=20, daily_caps={"T-MOBILE": 2000}),
        number("+14255550143", type="ten_dlc", registration_id=CAMPAIGN, mps=20),
        number("+14255550149", type="ten_dlc", registration_id=CAMPAIGN, status="PENDING"),
        number("+16045550123", type="long_code", country="CA", pool_id=POOL, mps=1),
        number("+18885550109", shared=True, mps=20_000),
        number("+14254147755", type="simulator", mps=None),
    )
    return Account(
        numbers=numbers,
        senders=(sender("ACME", "GB"), sender("ACME", "DE", mps=5)),
        pools=(pool(POOL, shared_routes=True),),
        members={POOL: (member(numbers[0]), member(numbers[5]))},
    )


EXPECTED = """\
# What the account can send SMS from in us-east-1, 2026-11-23 18:05 UTC.
# Paste the blocks that a campaign is to use into its configuration.

# US short code, transactional. Limit: as AWS documents; the account states
# none.
[[identities]]
id = "20440"
mps = 100
countries = ["US"]

# US toll-free number, transactional. Limit: as the account states.
# In pool-0123456789abcdef0123456789abcdef.
# It may send to other countries too: list them as well, or none for any
# country.
[[identities]]
id = "+18885550100"
mps = 3
countries = ["US"]

# US toll-free number, transactional. Limit: as the account states.
# Another account shares it: +18885550109.
[[identities]]
id = "arn:aws:sms-voice:us-east-1:123456789012:phone-number/phone-18885550109"
mps = 10000
countries = ["US"]

# 2 numbers of one 10DLC campaign,
# registration-0123456789abcdef0123456789abcd01: they share its limit, so they
# have one bucket.

# US 10DLC number, transactional. Limit: as the account states.
# T-MOBILE takes 2,000 messages a day of its campaign.
[[identities]]
id = "+14255550142"
mps = 20
countries = ["US"]
bucket = "10dlc-89abcd01"

# US 10DLC number, transactional. Limit: as the account states.
[[identities]]
id = "+14255550143"
mps = 20
countries = ["US"]
bucket = "10dlc-89abcd01"

# CA long code, transactional. Limit: as the account states.
# In pool-0123456789abcdef0123456789abcdef.
[[identities]]
id = "+16045550123"
mps = 1
countries = ["CA"]

# US simulator number, transactional. Limit: as AWS documents; the account
# states none.
# It reaches the service's own test numbers only.
[[identities]]
id = "+14254147755"
mps = 1
countries = ["US"]

# DE sender id, transactional and promotional. Limit: as the account states.
[[identities]]
id = "ACME"
mps = 5
countries = ["DE"]

# GB sender id, transactional and promotional. Limit: as the account states.
[[identities]]
id = "ACME"
mps = 10
countries = ["GB"]

# Pools, instead of their members and never beside them: both would use the same
# limits twice. AWS states no limit for a pool, nor that a message goes to
# another member where one is at its limit. The mps below is what the members of
# each country add up to at most, each limit counted once; where less is
# allowed, the sender finds out by throttling and slows down.

# Pool of 2 members, transactional: +18885550100, +16045550123.
# It may use shared routes, too; they are not counted here.
# [[identities]]
# id = "pool-0123456789abcdef0123456789abcdef"
# mps = 1
# countries = ["CA"]
# [[identities]]
# id = "pool-0123456789abcdef0123456789abcdef"
# mps = 3
# countries = ["US"]

# Not usable as they are:
#   +14255550149, US 10DLC number: is PENDING
"""


def test_everything_that_can_be_said() -> None:
    """The whole page, at most 80 columns wide."""
    text = "\n".join(lines(discovered(account()))) + "\n"
    assert text == EXPECTED
    assert max(map(len, text.splitlines())) <= 80


def test_an_empty_account() -> None:
    """It says so, and is configuration all the same."""
    text = "\n".join(lines(Found()))
    assert "There is nothing that can send." in text
    assert loaded(text) == ()


def test_a_pool_in_place_of_its_members() -> None:
    """Without the blocks of its members and their comments' signs, the pool's own load as well."""
    shown = "\n".join(lines(discovered(account())))
    start = shown.index("# Pool of")
    pools = shown[start : shown.index("# Not usable")]
    text = "\n".join(line.removeprefix("# ") for line in pools.splitlines() if not line.startswith(("# Pool", "# It")))
    assert [(one.id, one.mps, one.countries, one.bucket) for one in loaded(text)] == [
        (POOL, 1, ("CA",), f"{POOL}/CA"),
        (POOL, 3, ("US",), f"{POOL}/US"),
    ]


numbers = st.builds(
    number,
    st.integers(0, 40).map(lambda n: f"+1425555{n:04d}"),
    type=st.sampled_from(["ten_dlc", "toll_free", "long_code", "simulator", "hologram"]),
    registration_id=st.sampled_from([None, CAMPAIGN, CAMPAIGN[:-1] + "2", "registration-fed" + CAMPAIGN[16:]]),
    status=st.sampled_from(["ACTIVE", "ACTIVE", "PENDING"]),
    country=st.sampled_from(["US", "CA", "GB"]),
    mps=st.one_of(st.none(), st.integers(1, 20_000)),
    shared=st.booleans(),
    pool_id=st.sampled_from([None, POOL]),
    international=st.sampled_from([None, True, False]),
)
senders = st.builds(
    sender, st.sampled_from(["ACME", "ACME-NEWS", "a"]), st.sampled_from(["GB", "DE", "FR"]), shared=st.booleans()
)


@given(
    st.lists(numbers, unique_by=lambda one: one.number, max_size=15),
    st.lists(senders, unique_by=lambda one: one.arn, max_size=6),
)
def test_whatever_is_printed_can_be_loaded(listed: list[NumberRecord], named: list[Any]) -> None:
    """Every block is an identity to our own loader, with the limit and the bucket that were found."""
    held = tuple(one for one in listed if one.pool_id)
    whole = Account(
        numbers=tuple(listed), senders=tuple(named), pools=(pool(POOL),), members={POOL: tuple(map(member, held))}
    )
    found = discovered(whole)
    identities = loaded("\n".join(lines(found)))
    assert [(one.id, one.mps, one.countries) for one in identities] == [
        (one.id, min(one.mps, 10_000), (one.country,)) for one in found.identities
    ]
    for one, entry in zip(found.identities, identities, strict=True):
        assert entry.bucket == one.bucket or (not one.bucket and entry.bucket.startswith(one.id))
    assert len({one.id for one in found.identities if one.type != "sender_id"}) == len(
        [one for one in listed if one.status == "ACTIVE"]
    )
    document = account_document(found, region="us-east-1", read_at=AT, requests=7)
    assert json.loads(json.dumps(document)) == document


def test_the_document() -> None:
    """What `--json` promises."""
    document: Any = account_document(discovered(account()), region="us-east-1", read_at=AT, requests=9)
    assert (document["region"], document["read_at"], document["requests"]) == (
        "us-east-1",
        "2026-11-23T18:05:00+00:00",
        9,
    )
    (code,) = [one for one in document["identities"] if one["id"] == "20440"]
    assert code == {
        "id": "20440",
        "name": "20440",
        "type": "short_code",
        "country": "US",
        "mps": 100,
        "mps_from": "documentation",
        "bucket": "",
        "message_types": ["TRANSACTIONAL"],
        "international": False,
        "pool": None,
        "registration": None,
        "daily_caps": {},
        "shared": False,
    }
    assert document["pools"] == [
        {
            "id": POOL,
            "message_type": "TRANSACTIONAL",
            "members": ["+18885550100", "+16045550123"],
            "mps": {"CA": 1, "US": 3},
            "shared_routes": True,
            "shared": False,
        }
    ]
    assert document["unusable"] == [{"id": "+14255550149", "type": "ten_dlc", "country": "US", "why": "is PENDING"}]


def test_disagreements_fit_a_terminal() -> None:
    """Each one sentence, wrapped, under a line that says that nothing is stopped; without any, nothing is said."""
    says = f"{POOL} has mps = 3, and its members add up to 1 at most"
    shown = list(disagreement_lines([Disagreement(kind="mps_above", identity=POOL, says=says)] * 2))
    assert shown[0] == "Configuration and account differ; sending goes on as configured:"
    assert shown[1:3] == [
        "  - pool-0123456789abcdef0123456789abcdef has mps = 3, and its members add up to",
        "    1 at most",
    ]
    assert len(shown) == 5
    assert list(disagreement_lines([])) == []
