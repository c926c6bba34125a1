"""The files of config/ are what they say they are."""

import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import fields, replace
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bulksend.base.account import MEMBERS, NUMBERS, OPT_OUT_LISTS, OPTED_OUT, POOLS, SENDERS
from bulksend.config.load import load_settings
from bulksend.config.model import IDENTITIES, SECTIONS, IdentitySettings, Settings
from bulksend.config.names import environment_name
from bulksend.origin.buckets import buckets_of
from bulksend.origin.identity import IdentityKind, identity_kind

CONFIG = Path(__file__).parents[2] / "config"
REFERENCE = CONFIG / "bulksend.toml"
NEEDED = ("campaign.name", "identities.id", "identities.mps")


@dataclass(frozen=True)
class Entry:
    """A key of bulksend.toml: its value, whether it is set or only shown, what it says of itself."""

    key: str
    value: object
    is_set: bool
    default: str
    comment: str


def entry(key: str, value: object, comment: list[str], *, is_set: bool) -> Entry:
    """An entry with the default that its comment states."""
    default = next((line for line in comment if line.startswith("Default: ")), "")
    return Entry(key, value, is_set, default.removeprefix("Default: "), " ".join(comment))


def entries() -> list[Entry]:
    """Every key of bulksend.toml, in order, each with the comment above it; a table counts as one key."""
    found: list[Entry] = []
    section, table = "", ""
    comment: list[str] = []
    pairs: dict[str, object] = {}
    for line in [*REFERENCE.read_text(encoding="utf-8").splitlines(), ""]:
        header = re.fullmatch(r"(# )?\[+([a-z_.]+)\]+", line)
        setting = re.fullmatch(r"(# )?([A-Za-z_]+) = (.+)", line)
        value = tomllib.loads(f"x = {setting[3]}")["x"] if setting else None
        if header and "." in header[2]:
            table, pairs = header[2], {}
        elif header:
            section, comment = header[2], []
        elif setting and table:
            pairs[setting[2]] = value
        elif setting:
            found.append(entry(f"{section}.{setting[2]}", value, comment, is_set=not setting[1]))
            comment = []
        elif line.startswith("# "):
            comment.append(line.removeprefix("# "))
        elif not line:
            if table:
                found.append(entry(table, pairs, comment, is_set=False))
            table, comment = "", []
    return found


def defaults() -> dict[str, object]:
    """The built-in default of every key, `msgspec.NODEFAULT` where there is none, as JSON would show it."""
    known: dict[str, object] = {}
    models: dict[str, type[msgspec.Struct]] = {**SECTIONS, IDENTITIES: IdentitySettings}
    for section, model in models.items():
        for field in fields(model):
            has_factory = field.default_factory is not msgspec.NODEFAULT
            value = field.default_factory() if has_factory else field.default
            known[f"{section}.{field.name}"] = list(value) if isinstance(value, tuple) else value
    return known


def test_every_key_is_there_once() -> None:
    """The reference shows every key that there is, in the order of the code, and none that there is not."""
    shown = [entry.key for entry in entries()]
    assert sorted(shown) == sorted(defaults())
    assert len(shown) == len(set(shown))
    for section in (*SECTIONS, IDENTITIES):
        of_section = [key for key in shown if key.startswith(f"{section}.")]
        assert of_section == [key for key in defaults() if key.startswith(f"{section}.")]


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.key)
def test_the_stated_default_is_the_codes(entry: Entry) -> None:
    """What the comment calls the default is the default; what has none and is not needed is only shown."""
    default = defaults()[entry.key]
    if entry.key in NEEDED:
        assert entry.default == "none, it is needed"
        assert entry.is_set
        assert default in (msgspec.NODEFAULT, "")
    elif default is None:
        assert entry.default == "not set"
        assert not entry.is_set or entry.key == "campaign.template"
    else:
        assert tomllib.loads(f"x = {entry.default}")["x"] == default
        assert entry.is_set == (not isinstance(default, dict))
        if entry.is_set:
            assert entry.value == default


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.key)
def test_every_key_is_explained(entry: Entry) -> None:
    """Every key says what it means; one that is measured says in what unit."""
    meaning = entry.comment.partition("Default: ")[0]
    assert len(meaning) > 20
    for ending, unit in (("_s", "econds"), ("mps", "parts per second"), ("max_price", "US dollars")):
        if entry.key.endswith(ending):
            assert unit in meaning


def test_the_reference_equals_the_defaults() -> None:
    """Loading it gives the built-in defaults, apart from the name, the template and the identity that are needed."""
    settings = load_settings(REFERENCE, environ={})
    assert settings.campaign.name == "example"
    assert settings.campaign.template is not None
    assert settings.identities == (IdentitySettings(id="+18885550100", mps=3, bucket="+18885550100"),)
    without = replace(settings, campaign=replace(settings.campaign, name="", template=None), identities=())
    assert without == Settings()


@pytest.mark.parametrize("entry", [one for one in entries() if not one.is_set], ids=lambda entry: entry.key)
def test_what_is_only_shown_can_be_set(entry: Entry, tmp_path: Path) -> None:
    """Each setting that is commented out is accepted as it stands there."""
    value = entry.value if isinstance(entry.value, str) else json.dumps(entry.value)
    overrides = [f"{entry.key}={value}"]
    if entry.key == "campaign.template_file":
        (tmp_path / str(entry.value)).write_text("Hello", encoding="utf-8")
        overrides = [f"{entry.key}={tmp_path / str(entry.value)}", "campaign.template="]
    settings = load_settings(REFERENCE, environ={}, overrides=overrides)
    section, name = entry.key.split(".")
    loaded = getattr(getattr(settings, section), name)
    assert loaded == (str(tmp_path / "message.txt") if name == "template_file" else entry.value)


def test_the_examples_of_the_head() -> None:
    """The variable that the head of the file names is one."""
    assert environment_name("campaign.name") in REFERENCE.read_text(encoding="utf-8")


def test_the_example_identities() -> None:
    """identities.toml can be used as it is, with a campaign by flags; its limits are those that AWS documents."""
    flags = ["campaign.name=try", "campaign.template=Hello"]
    settings = load_settings(CONFIG / "identities.toml", environ={}, overrides=flags)
    identities = settings.identity_records()
    assert {identity.kind for identity in identities} == {
        IdentityKind.PHONE_NUMBER,
        IdentityKind.SHORT_CODE,
        IdentityKind.SENDER_ID,
        IdentityKind.POOL_ID,
    }
    assert {name: bucket.mps for name, bucket in buckets_of(identities, dry_run_mps=None).items()} == {
        "toll-free": 3,
        "20440": 100,
        "ACME": 10,
        "10dlc-acme": 20,
        "pool-0123456789abcdef0123456789abcdef": 1,
    }
    assert {identity.id: sorted(identity.countries) for identity in identities} == {
        "+18885550100": ["US"],
        "20440": ["US"],
        "ACME": ["DE", "FR", "GB"],
        "+14255550142": ["US"],
        "+14255550143": ["US"],
        "pool-0123456789abcdef0123456789abcdef": ["CA"],
    }


def test_the_example_identities_that_are_only_shown(tmp_path: Path) -> None:
    """The blocks that are commented out load too, a number's id and an ARN among them."""
    text = (CONFIG / "identities.toml").read_text(encoding="utf-8")
    path = tmp_path / "identities.toml"
    path.write_text(re.sub(r"(?m)^# (?=\[\[|[a-z]+ = )", "", text), encoding="utf-8")
    settings = load_settings(path, environ={}, overrides=["campaign.name=try", "campaign.template=Hello"])
    assert [identity_kind(one.id) for one in settings.identities[-2:]] == [
        IdentityKind.PHONE_NUMBER_ID,
        IdentityKind.PHONE_NUMBER_ARN,
    ]
    assert len(settings.identities) == 10


def statements() -> list[dict[str, object]]:
    """The statements of the policy."""
    policy = json.loads((CONFIG / "iam-policy.json").read_text(encoding="utf-8"))
    assert policy["Version"] == "2012-10-17"
    found: list[dict[str, object]] = policy["Statement"]
    return found


def actions(statement: dict[str, object]) -> list[str]:
    """The actions of a statement, one or many."""
    action = statement["Action"]
    return [str(one) for one in action] if isinstance(action, list) else [str(action)]


def test_the_policy_allows_no_more_than_is_needed() -> None:
    """Sending, held to senders and what a campaign may name; feedback about messages; what the account holds, twice."""
    send, feedback, identities, opt_outs = statements()
    assert identities["Effect"] == "Allow"
    assert actions(identities) == [f"sms-voice:{operation}" for operation in (NUMBERS, SENDERS, POOLS, MEMBERS)]
    assert (opt_outs["Effect"], opt_outs["Resource"]) == ("Allow", "*")
    assert actions(opt_outs) == [f"sms-voice:{operation}" for operation in (OPT_OUT_LISTS, OPTED_OUT)]
    assert (feedback["Effect"], actions(feedback)) == ("Allow", ["sms-voice:PutMessageFeedback"])
    assert send["Effect"] == "Allow"
    assert actions(send) == ["sms-voice:SendTextMessage"]
    resources = send["Resource"]
    assert isinstance(resources, list)
    kinds = [re.fullmatch(r"arn:aws:sms-voice:\*:\*:([a-z-]+)/\*", str(resource)) for resource in resources]
    assert [kind[1] for kind in kinds if kind] == [
        "phone-number",
        "pool",
        "sender-id",
        "configuration-set",
        "protect-configuration",
    ]
    assert len(resources) == 5


def test_the_policy_names_operations_that_exist() -> None:
    """Every action is an operation of the service model that botocore ships."""
    from botocore.session import Session

    known = Session().get_service_model("pinpoint-sms-voice-v2").operation_names
    named = [action.removeprefix("sms-voice:") for statement in statements() for action in actions(statement)]
    assert set(named) <= set(known)
    assert len(named) == len(set(named))


def test_the_constraints_cover_every_dependency() -> None:
    """`config/constraints.txt` pins each direct dependency at or above the lower bound of the metadata."""
    project = tomllib.loads((CONFIG.parent / "pyproject.toml").read_text())["project"]
    wanted = [Requirement(line) for line in (*project["dependencies"], *project["optional-dependencies"]["dev"])]
    lines = (CONFIG / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    for requirement in wanted:
        assert requirement.specifier.contains(pinned[canonicalize_name(requirement.name)]), requirement.name
