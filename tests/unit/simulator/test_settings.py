import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import pytest
from msgspec.structs import fields

from bulksend.base.errors import ConfigError
from bulksend.simulator.directory import Directory
from bulksend.simulator.settings import SimulatorSettings, load_settings

REFERENCE = Path(__file__).parents[3] / "config/simulator.toml"
DEMO = REFERENCE.parent / "demo/simulator.toml"


def tables() -> dict[str, type[msgspec.Struct]]:
    """Name of each table of the file, "" for the top, and the struct that it becomes."""
    found: dict[str, type[msgspec.Struct]] = {"": SimulatorSettings}
    for field in fields(SimulatorSettings):
        struct = next(iter(get_args(field.type)), field.type)
        if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
            found[field.name] = struct
    return found


def defaults() -> dict[str, object]:
    """Every key that is not a table -> its default as TOML has it; `msgspec.NODEFAULT` where there is none."""
    known: dict[str, object] = {}
    for table, struct in tables().items():
        for field in fields(struct):
            if table or field.name not in tables():
                value = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
                known[f"{table}.{field.name}"] = list(value) if isinstance(value, tuple) else value
    return known


def explained() -> Iterator[tuple[str, str, str]]:
    """Every key of the reference that has a comment: its name, what the comment says, and the default it states."""
    table = ""
    comment: list[str] = []
    for line in REFERENCE.read_text(encoding="utf-8").splitlines():
        if header := re.fullmatch(r"\[+(\w+)\]+", line):
            table = header[1]
        elif line.startswith("# "):
            comment.append(line.removeprefix("# "))
            continue
        elif comment and (key := re.match(r"(\w+) = ", line)):
            yield f"{table}.{key[1]}", " ".join(comment[:-1]), comment[-1].removeprefix("Default: ")
        if line != "#":
            comment = []


EXPLAINED = list(explained())


def test_every_key_is_explained_once_in_the_codes_order() -> None:
    """The reference explains every key that there is, and none that there is not."""
    assert [key for key, _, _ in EXPLAINED] == list(defaults())


@pytest.mark.parametrize(("key", "meaning", "default"), EXPLAINED, ids=[key for key, _, _ in EXPLAINED])
def test_the_stated_default_is_the_codes(key: str, meaning: str, default: str) -> None:
    """What the comment calls the default is the default; what is measured says in what unit."""
    expected = defaults()[key]
    if expected is msgspec.NODEFAULT:
        assert default == "none, it is needed"
    else:
        stated = tomllib.loads(f"x = {default}")["x"]
        assert (stated, type(stated)) == (expected, type(expected))
    for ending, unit in (("_ms", "illiseconds"), ("_s", "econds"), ("_usd", "US dollars"), ("mps", "parts per second")):
        if key.endswith(ending):
            assert unit in meaning
    assert len(meaning) > 10


def test_the_reference_is_a_bad_day() -> None:
    """It loads, every fault but expiry happens, and its identities have the limits that AWS documents."""
    settings = load_settings(REFERENCE)
    rates = msgspec.structs.asdict(settings.faults)
    assert rates.pop("expired_token_after") == 0
    assert all(0 < rate <= 0.02 for rate in rates.values())
    assert settings.latency.median_ms > 0
    assert settings.opt_out_lists[0].numbers
    assert settings.protect_configurations[0].country_rules
    assert Directory(settings).mps == {"toll-free": 3, "20440": 100, "ACME": 10, "10dlc-acme": 20, "+16045550123": 1}


def test_the_demos_file_loads() -> None:
    """The demo meets no faults."""
    assert not any(msgspec.structs.astuple(load_settings(DEMO).faults))


def test_an_empty_file_is_all_defaults(tmp_path: Path) -> None:
    """Nothing is needed."""
    path = tmp_path / "simulator.toml"
    path.write_text("")
    assert load_settings(path) == SimulatorSettings()


def loaded(tmp_path: Path, toml: str) -> SimulatorSettings:
    """What `toml` is read as."""
    path = tmp_path / "simulator.toml"
    path.write_text(toml)
    return load_settings(path)


TOLL_FREE = '[[identities]]\nid = "+18885550100"\ntype = "toll_free"\ncountry = "US"\nmps = 3\n'
OTHERS = TOLL_FREE + '[[other_traffic]]\nbucket = "+18885550100"\n'
SENDER = '[[identities]]\nid = "ACME"\ntype = "sender_id"\ncountry = "GB"\nmps = 3\n'


@pytest.mark.parametrize(
    ("toml", "key"),
    [
        ("sede = 1", "sede"),
        ("[faults]\nthrotle = 0.1", "faults.throtle"),
        ("[faults]\nthrottle = 1.1", "faults.throttle"),
        ("[faults]\nthrottle = 0.6\nno_reply = 0.6", "faults"),
        ("[latency]\nmedian_ms = 60\np99_ms = 50", "latency"),
        ("[latency]\nmedian_ms = -1", "latency.median_ms"),
        ('[account]\ntier = "gold"', "account.tier"),
        ("[spend]\nprice_by_country_usd = { us = 1 }", "spend.price_by_country_usd"),
        ("[events]\nfailure_rate = 2", "events.failure_rate"),
        ("[account]\nmessages_per_recipient_per_second = -1", "account.messages_per_recipient_per_second"),
        ("[account]\nmessages_per_recipient_per_second = 1.5", "account.messages_per_recipient_per_second"),
        ("[request_quotas]\nSendTextMessage = 0", "request_quotas"),
        ("[request_quotas]\nSendTextMesage = 5", "request_quotas.SendTextMesage"),
        ('[[identities]]\nid = "ACME"\ntype = "sender_id"\ncountry = "GB"', "identities[0].mps"),
        (TOLL_FREE.replace("3", "0"), "identities[0].mps"),
        (TOLL_FREE.replace("+", ""), "identities[0]"),
        (SENDER.replace("ACME", "+447700900111"), "identities[0]"),
        (TOLL_FREE + 'message_type = "BOTH"', "identities[0]"),
        (TOLL_FREE + 'opt_out_list = "other"', "identities[0].opt_out_list"),
        (TOLL_FREE * 2, "identities[1].id"),
        (SENDER * 2, "identities[1].id"),
        (TOLL_FREE + '[[changes]]\nafter_s = 1\nbucket = "other"\nmps = 1', "changes[0].bucket"),
        (TOLL_FREE + '[[changes]]\nafter_s = 1\nbucket = "+18885550100"\nmps = 0', "changes[0].mps"),
        (TOLL_FREE + '[[changes]]\nafter_s = -1\nbucket = "+18885550100"\nmps = 1', "changes[0].after_s"),
        (TOLL_FREE + '[[other_traffic]]\nbucket = "other"\nparts_per_second = 1', "other_traffic[0].bucket"),
        (OTHERS + "parts_per_second = 0", "other_traffic[0].parts_per_second"),
        (OTHERS + 'parts_per_second = 1\nspacing = "odd"', "other_traffic[0].spacing"),
        (OTHERS + "parts_per_second = 1\nfrom_s = 5\nuntil_s = 5", "other_traffic[0]"),
        (SENDER + SENDER.replace("GB", "DE") + 'countries = ["FR", "GB"]', "identities[1].id"),
        (SENDER + SENDER.replace("GB", "DE").replace("3", "4") + 'bucket = "ACME/GB"', "identities[1].mps"),
        (TOLL_FREE + 'bucket = "ACME"\n' + SENDER.replace("mps = 3", "mps = 4"), "identities[1].mps"),
        ('[[pools]]\nid = "pool-1"\nmembers = ["+18885550100"]', "pools[0].members"),
        ('[[pools]]\nid = "pool-1"\nmembers = []', "pools[0].members"),
        (SENDER + '[[pools]]\nid = "pool-1"\nmembers = ["ACME"]\nopt_out_list = "x"', "pools[0].opt_out_list"),
        ('[[opt_out_lists]]\nnumbers = ["4255550199"]', "opt_out_lists[0].numbers[0]"),
        (
            '[[configuration_sets]]\nname = "a"\nprotect_configuration_id = "protect-1"',
            "configuration_sets[0].protect_configuration_id",
        ),
        (
            '[[protect_configurations]]\nid = "protect-1"\ndefault = true\n'
            '[[protect_configurations]]\nid = "protect-2"\ndefault = true',
            "protect_configurations",
        ),
    ],
)
def test_errors_name_file_and_key(tmp_path: Path, toml: str, key: str) -> None:
    """One line: the file, the key, what is wrong, what to do."""
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, toml)
    what = caught.value.what
    assert what.startswith(f"{tmp_path / 'simulator.toml'}: {key}: ")
    assert "\n" not in what
    assert caught.value.hint
    assert "425555" not in what


def test_a_sender_id_may_be_listed_for_each_country(tmp_path: Path) -> None:
    """The same sender id in other countries is another entry with a limit of its own, whatever it is called."""
    german = SENDER.replace("GB", "DE").replace("3", "4")
    settings = loaded(tmp_path, SENDER + german + 'countries = ["FR", "DE"]')
    assert Directory(settings).mps == {"ACME/GB": 3, "ACME/DE+FR": 4}
    settings = loaded(tmp_path, SENDER + german + 'bucket = "ACME-DE"')
    assert Directory(settings).mps == {"ACME/GB": 3, "ACME-DE": 4}


def test_one_that_shares_its_bucket_shares_its_limit(tmp_path: Path) -> None:
    """Entries of a sender id that name the same bucket have one limit."""
    bucket = 'bucket = "ACME"\n'
    settings = loaded(tmp_path, SENDER + bucket + SENDER.replace("GB", "DE") + bucket)
    assert Directory(settings).mps == {"ACME": 3}


def test_time_can_be_compressed(tmp_path: Path) -> None:
    """A minute a second: every limit sixty times as high, latency a sixtieth."""
    settings = loaded(
        tmp_path,
        "[account]\nmessages_per_recipient_per_second = 60\n"
        f"[latency]\nmedian_ms = {60 / 60}\np99_ms = {400 / 60}\n"
        "[request_quotas]\nSendTextMessage = 1200000\n"
        + TOLL_FREE.replace("mps = 3", "mps = 600000")
        + '[[changes]]\nafter_s = 0.5\nbucket = "+18885550100"\nmps = 300000\n'
        '[[other_traffic]]\nbucket = "+18885550100"\nparts_per_second = 234000',
    )
    assert Directory(settings).mps == {"+18885550100": 600_000}
    assert settings.latency.p99_ms == pytest.approx(6.667, abs=0.001)


@pytest.mark.parametrize(
    ("content", "problem"), [(b"seed = ", "not TOML"), (b"\xff", "not TOML"), (None, "cannot be read")]
)
def test_files_that_are_none(tmp_path: Path, content: bytes | None, problem: str) -> None:
    """A broken, a binary and a missing file are named too."""
    path = tmp_path / "simulator.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=problem) as caught:
        load_settings(path)
    assert caught.value.what.startswith(f"{path}: ")
