import json
from decimal import Decimal
from pathlib import Path

import pytest

from bulksend.base.errors import ConfigError
from bulksend.config.load import load_settings
from bulksend.config.model import Settings
from bulksend.pipeline.plan import Plan, make_plan
from bulksend.pipeline.prices import Range, read_prices
from bulksend.pipeline.pricing import OverBudget, dollars, plain
from bulksend.store.export import export_rows
from tests.support.virtual import VirtualClock

EXAMPLE = Path(__file__).parents[3] / "config" / "prices.toml"

PRICES = """
[US]
price = 0.00581
fee = [0.0025, 0.0035]

[US.toll_free]
fee = 0.001

[DE]
price = [0.1, 0.12]
"""

IDENTITIES = [
    {"id": "+18885550100", "mps": 3, "countries": ["US"]},
    {"id": "pool-0123456789abcdef", "mps": 3, "countries": ["US"]},
    {"id": "ACME", "mps": 10, "countries": ["DE", "GB"]},
]


def settings_of(folder: Path, *, prices: str = PRICES, **changes: str) -> Settings:
    """A campaign with prices."""
    (folder / "prices.toml").write_text(prices)
    given = {
        "campaign__name": "test",
        "recipients__body": "text",
        "pricing__file": str(folder / "prices.toml"),
        "identities": json.dumps(IDENTITIES),
        **changes,
    }
    environ = {f"BULKSEND_{key.replace('__', '_').upper()}": value for key, value in given.items()}
    return load_settings(None, environ=environ)


def planned(folder: Path, settings: Settings, *, gb: bool = False) -> Plan:
    """A plan of 40 American and 10 German numbers, of one and three parts in turn, and of one British if wanted."""
    numbers = [f"+1425200{n:04}" for n in range(40)] + [f"+491712{n:06}" for n in range(10)] + ["+447400123456"] * gb
    rows = [f"{number},{'x' * (400 if index % 2 else 10)}" for index, number in enumerate(numbers)]
    (folder / "list.csv").write_text("\n".join(["phone,text", *rows]))
    return make_plan(settings, str(folder / "list.csv"), folder / "plan.db", clock=VirtualClock())


def test_every_part_has_its_price(tmp_path: Path) -> None:
    """The sum is that of the ledger's rows, each by hand: country, and what kind of sender its identity is."""
    plan = planned(tmp_path, settings_of(tmp_path))
    low = high = Decimal(0)
    for row in export_rows(tmp_path / "plan.db"):
        toll_free, parts = row["identity"] == "+18885550100", row["parts"]
        assert isinstance(parts, int)
        if row["country"] == "DE":
            each = Decimal("0.1"), Decimal("0.12")
        elif toll_free:
            each = Decimal("0.00681"), Decimal("0.00681")
        else:  # a pool may send from any kind
            each = Decimal("0.00681"), Decimal("0.00931")
        low, high = low + each[0] * parts, high + each[1] * parts
    assert plan.cost is not None
    assert plan.cost.total == Range(low, high)
    assert low < high
    assert {country: (one.messages, one.parts) for country, one in plan.cost.countries.items()} == {
        "US": (40, 80),
        "DE": (10, 20),
    }
    assert plan.cost.countries["DE"].range == Range(Decimal(2), Decimal("2.4"))
    assert plan.cost.document()["low_usd"] == plain(low)


def test_what_costs_too_much_leaves_no_ledger(tmp_path: Path) -> None:
    """The high estimate counts; the one line has both figures and the limit; a program gets them too."""
    most = planned(tmp_path, settings_of(tmp_path)).cost
    assert most is not None
    (tmp_path / "plan.db").unlink()
    cap = plain(most.total.high - Decimal("0.000001"))
    with pytest.raises(OverBudget) as caught:
        planned(tmp_path, settings_of(tmp_path, pricing__max_total=cap))
    assert f"the campaign may cost {dollars(most.total)} for 100 parts, and pricing.max_total is ${cap}" in str(
        caught.value
    )
    assert caught.value.exit_code == 2
    assert caught.value.details()["cost"]["max_total_usd"] == cap  # type: ignore[index]
    assert not list(tmp_path.glob("plan.db*"))
    planned(tmp_path, settings_of(tmp_path, pricing__max_total=plain(most.total.high)))


def test_a_rehearsal_costs_nothing(tmp_path: Path) -> None:
    """With DryRun nothing is sent, so the limit stops nothing."""
    plan = planned(tmp_path, settings_of(tmp_path, pricing__max_total="0.01", campaign__dry_run="true"))
    assert plan.cost is not None


def test_a_country_without_a_price(tmp_path: Path) -> None:
    """It is counted and not in the sum; under a limit nobody can tell, so the plan is refused."""
    plan = planned(tmp_path, settings_of(tmp_path), gb=True)
    assert plan.cost is not None
    assert plan.cost.unpriced == {"GB": 1}
    (tmp_path / "plan.db").unlink()
    with pytest.raises(OverBudget, match=r"no price for GB: 1 messages"):
        planned(tmp_path, settings_of(tmp_path, pricing__max_total="1000"), gb=True)
    with_default = settings_of(tmp_path, prices=f"{PRICES}\n[default]\nprice = 1\n", pricing__max_total="1000")
    plan = planned(tmp_path, with_default, gb=True)
    assert plan.cost is not None
    assert plan.cost.countries["GB"].range == Range(Decimal(1), Decimal(1))


def test_a_limit_needs_prices(tmp_path: Path) -> None:
    """Else it would be no limit; said before the list is read."""
    with pytest.raises(ConfigError, match=r"pricing\.max_total needs pricing\.file"):
        planned(tmp_path, settings_of(tmp_path, pricing__file="", pricing__max_total="5"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it has no prices"),
        ("[US\n", "line 1"),
        ("[UK]\nprice = 1", "UK: there is no such country"),
        ("US = 1", "US: must be a table"),
        ("[US]\nfee = 1", "US: price is missing"),
        ('[US]\nprice = "0.1"', "US.price: must be a number"),
        ("[US]\nprice = true", "US.price: must be a number"),
        ("[US]\nprice = nan", "US.price: must be a number"),
        ("[US]\nprice = -0.1", "US.price: must be a number"),
        ("[US]\nprice = 100", "US.price: must be a number"),
        ("[US]\nprice = [0.1]", "US.price: must be a number"),
        ("[US]\nprice = [0.2, 0.1]", "US.price: 0.2 is above 0.1"),
        ("[US]\nprice = 1\ntoll_free = 2", "US.toll_free: must be a table"),
        ("[US]\nprice = 1\n[US.tollfree]\nprice = 2", "US.tollfree: there is no such key"),
        ("[US]\nprice = 1\n[US.toll_free]\nprice = 0.1\nfees = 2", "US.toll_free.fees: there is no such key"),
    ],
)
def test_mistakes_in_prices_are_named(text: str, words: str, tmp_path: Path) -> None:
    """File and entry, and what to do."""
    file = tmp_path / "prices.toml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_prices(file)
    assert str(caught.value).startswith(f"pricing.file: {file}: ")
    assert words in str(caught.value)
    assert caught.value.hint


def test_the_example_of_prices() -> None:
    """config/prices.toml loads, says that its figures are made up, and is exact to the last digit."""
    prices = read_prices(EXAMPLE)
    assert prices.of("US", "20440") == Range(Decimal("0.012"), Decimal("0.014"))
    assert prices.of("US", "+18885550100") == Range(Decimal("0.0125"), Decimal("0.0125"))
    assert prices.of("US", "phone-0123456789abcdef") == Range(Decimal("0.012"), Decimal("0.015"))
    assert prices.of("FR", "ACME") == prices.of(None, "ACME") == Range(Decimal("0.02"), Decimal("0.3"))
    assert "EVERY FIGURE IN IT IS MADE UP" in EXAMPLE.read_text()


@pytest.mark.parametrize(
    ("low", "high", "text"),
    [
        ("1200.109", "1431.001", "$1,200.10 to $1,431.01"),
        ("0.001", "0.002", "$0.00 to $0.01"),
        ("5", "5", "$5.00"),
        ("0.101", "0.101", "$0.11"),
    ],
)
def test_money_is_rounded_outwards(low: str, high: str, text: str) -> None:
    """A limit that is not kept never looks kept."""
    assert dollars(Range(Decimal(low), Decimal(high))) == text
