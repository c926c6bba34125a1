from pathlib import Path

import pytest

from bulksend.base.errors import ConfigError, ExitCode
from bulksend.config.load import MAX_TEMPLATE_BYTES, load_settings
from bulksend.config.model import AwsSettings, IdentitySettings, PacingSettings, RetrySettings, Settings, with_limits

MINIMUM = """
[campaign]
name = "spring-sale"
template = "Hi {{ first_name }}"

[[identities]]
id = "+18885550100"
mps = 3
"""

EVERYTHING = """
[campaign]
name = "spring-sale"
template = "Hi {{ first_name }}, your code is {{ code }}"
message_type = "TRANSACTIONAL"
configuration_set = "sms-events"
keyword = "ACME"
max_price = "0.05"
time_to_live = "72h"
protect_configuration_id = "protect-1"
message_feedback = false
dry_run = false
[campaign.context]
team = "crm"
[campaign.country_parameters]
IN_ENTITY_ID = "1101"
IN_TEMPLATE_ID = "1107"

[recipients]
phone = "phone"
body = ""
identity = "from"
default_country = "us"
validity = "possible"
duplicates = "send"
suppress = ["suppressed.txt"]
encoding = "cp1252"
delimiter = "tab"

[[identities]]
id = "+18885550100"
mps = 3
countries = ["us", "CA", "US"]
bucket = "toll-free"

[[identities]]
id = "ACME"
mps = 10

[aws]
region = "us-east-1"
profile = "crm"
endpoint_url = "http://127.0.0.1:8021"
connect_timeout_s = 2
read_timeout_s = 12.5
max_concurrency = 8
transport = "sdk"

[pacing]
headroom = 0
dry_run_mps = 4

[retry]
base_s = 1
cap_s = 2
give_up_after_s = 60
on_unknown = "resend"
"""


def write(folder: Path, text: str, name: str = "campaign.toml") -> Path:
    """A file in `folder`."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def error(folder: Path, text: str) -> str:
    """What loading a file with `text` says, without the folder."""
    path = write(folder, text)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ={})
    assert caught.value.exit_code == ExitCode.USAGE
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(f"{folder}/", "")


def test_the_least_that_a_campaign_needs(tmp_path: Path) -> None:
    """A name, a template and an identity are enough; everything else keeps its default."""
    settings = load_settings(write(tmp_path, MINIMUM), environ={"HOME": "/", "PATH": ""})
    assert settings.campaign.name == "spring-sale"
    assert settings.campaign.template == "Hi {{ first_name }}"
    assert settings.identities == (IdentitySettings(id="+18885550100", mps=3, bucket="+18885550100"),)
    campaign = settings.campaign
    assert [campaign.message_type, campaign.time_to_live, campaign.message_feedback] == [None, None, None]
    defaults = Settings()
    assert (settings.aws, settings.pacing, settings.retry) == (defaults.aws, defaults.pacing, defaults.retry)
    assert settings.recipients == defaults.recipients


def test_every_key(tmp_path: Path) -> None:
    """Every key of the contract is read, with its type, and normalised."""
    write(tmp_path, "+14255550199\n", "suppressed.txt")
    settings = load_settings(write(tmp_path, EVERYTHING), environ={})
    campaign, recipients = settings.campaign, settings.recipients
    assert campaign.template == "Hi {{ first_name }}, your code is {{ code }}"
    assert campaign.template_file is None
    assert (campaign.message_type, campaign.configuration_set, campaign.keyword) == (
        "TRANSACTIONAL",
        "sms-events",
        "ACME",
    )
    assert (campaign.max_price, campaign.time_to_live_s, campaign.protect_configuration_id) == (
        "0.05",
        259_200,
        "protect-1",
    )
    assert (campaign.message_feedback, campaign.dry_run) == (False, False)
    assert campaign.context == {"team": "crm"}
    assert campaign.country_parameters == {"IN_ENTITY_ID": "1101", "IN_TEMPLATE_ID": "1107"}
    assert (recipients.phone, recipients.body, recipients.identity) == ("phone", "", "from")
    assert (recipients.default_country, recipients.validity, recipients.duplicates) == ("US", "possible", "send")
    assert recipients.suppress == (str(tmp_path / "suppressed.txt"),)
    assert (recipients.encoding, recipients.delimiter) == ("cp1252", "\t")
    assert settings.identities == (
        IdentitySettings(id="+18885550100", mps=3, countries=("US", "CA"), bucket="toll-free"),
        IdentitySettings(id="ACME", mps=10, countries=(), bucket="ACME"),
    )
    assert settings.aws == AwsSettings(
        region="us-east-1",
        profile="crm",
        endpoint_url="http://127.0.0.1:8021",
        connect_timeout_s=2.0,
        read_timeout_s=12.5,
        max_concurrency=8,
        transport="sdk",
    )
    assert settings.pacing == PacingSettings(headroom=0.0, dry_run_mps=4)
    assert settings.retry == RetrySettings(base_s=1.0, cap_s=2.0, give_up_after_s=60.0, on_unknown="resend")
    first, second = settings.identity_records()
    assert (first.id, first.bucket, first.mps, sorted(first.countries)) == (
        "+18885550100",
        "toll-free",
        3,
        ["CA", "US"],
    )
    assert (second.bucket, second.countries) == ("ACME", frozenset())


def test_an_identity_has_a_limit_of_its_own_in_each_of_its_entries() -> None:
    """Buckets are named after the id and its countries, in whatever order, wherever it is listed more than once."""
    listed = (
        '[{"id": "ACME", "mps": 40, "countries": ["GB"]}, {"id": "ACME", "mps": 10, "countries": ["fr", "DE"]},'
        ' {"id": "ACME", "mps": 5, "countries": ["IE"], "bucket": "ireland"}, {"id": "OTHER", "mps": 3}]'
    )
    settings = load_settings(None, environ={}, overrides=[f"identities={listed}"], complete=False)
    assert [(one.id, one.bucket, one.mps) for one in settings.identity_records()] == [
        ("ACME", "ACME/GB", 40), ("ACME", "ACME/DE+FR", 10), ("ACME", "ireland", 5), ("OTHER", "OTHER", 3),
    ]  # fmt: skip


def test_a_default_bucket_can_be_written_out(tmp_path: Path) -> None:
    """The name that an entry gets by itself is one that a person may give as well, and the two are the same."""
    entry = '[[identities]]\nid = "{0}"\nmps = 3\ncountries = {1}\n'
    for sender in ("ACME", "+447700900123", "pool-0123456789", "acme_24-7"):
        entries = [entry.format(sender, '["GB", "DE"]'), entry.format(sender, '["FR"]')]
        implied = load_settings(write(tmp_path, "".join(entries)), environ={}, complete=False).identities
        named = [f'{text}bucket = "{one.bucket}"\n' for text, one in zip(entries, implied, strict=True)]
        assert load_settings(write(tmp_path, "".join(named)), environ={}, complete=False).identities == implied


def test_flags_beat_environment_beats_file_beats_defaults(tmp_path: Path) -> None:
    """The same key in every layer takes the value of the highest that sets it."""
    path = write(tmp_path, f"{MINIMUM}\n[pacing]\nheadroom = 0.1\n")
    environ = {"BULKSEND_PACING_HEADROOM": "0.2"}
    override = "pacing.headroom=0.3"
    assert load_settings(write(tmp_path, MINIMUM, "min.toml"), environ={}).pacing.headroom == 0.01
    assert load_settings(path, environ={}).pacing.headroom == 0.1
    assert load_settings(path, environ=environ).pacing.headroom == 0.2
    assert load_settings(path, environ=environ, overrides=[override]).pacing.headroom == 0.3
    assert load_settings(path, environ=environ, overrides=[override, "pacing.headroom=0.4"]).pacing.headroom == 0.4


def test_a_limit_that_is_the_accounts_to_tell() -> None:
    """Until it is told, the documented limit of such a number holds, the lowest of those that share a bucket."""
    listed = (
        '[{"id": "+18885550100", "mps": "auto", "bucket": "x"}, {"id": "ACME", "mps": "auto", "bucket": "x"},'
        ' {"id": "20440", "mps": 50}, {"id": "+447700900001", "mps": "auto"}]'
    )
    settings = load_settings(None, environ={"BULKSEND_IDENTITIES": listed}, complete=False)
    assert settings.has_auto
    assert [one.mps for one in settings.identities] == ["auto", "auto", 50, "auto"]
    assert [one.is_auto for one in settings.identities] == [True, True, False, True]
    assert [one.mps for one in settings.identity_records()] == [3, 3, 50, 10]
    asked: list[str] = []

    def told(one: IdentitySettings) -> int:
        asked.append(one.id)
        return {"+18885550100": 7, "ACME": 4}.get(one.id, 9)

    resolved = with_limits(settings, told)
    assert [one.mps for one in resolved.identities] == [4, 4, 50, 9]
    assert asked == ["+18885550100", "ACME", "+447700900001"]
    assert not resolved.has_auto
    assert not load_settings(None, environ={}, complete=False).has_auto


def test_no_file() -> None:
    """A campaign can come from environment and flags alone, as in a container."""
    environ = {
        "BULKSEND_CAMPAIGN_NAME": "nightly",
        "BULKSEND_CAMPAIGN_TEMPLATE": "Hello",
        "BULKSEND_IDENTITIES": '[{"id": "ACME", "mps": 10, "countries": ["GB"]}]',
    }
    settings = load_settings(None, environ=environ)
    assert settings.campaign.name == "nightly"
    assert settings.identities == (IdentitySettings(id="ACME", mps=10, countries=("GB",), bucket="ACME"),)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        (MINIMUM.replace('name = "spring-sale"', ""), "campaign.name is missing"),
        (MINIMUM.replace('"spring-sale"', '""'), "campaign.name is missing"),
        (MINIMUM.replace("template", "# template"), "campaign.template is missing"),
        (MINIMUM.partition("[[")[0], "identities is missing: a campaign needs at least one"),
        ("", "campaign.name is missing"),
    ],
)
def test_what_a_campaign_cannot_do_without(tmp_path: Path, text: str, missing: str) -> None:
    """What is missing is named with the file; commands that need no campaign can do without it."""
    assert error(tmp_path, text).startswith(f"campaign.toml: {missing}")
    load_settings(write(tmp_path, text), environ={}, complete=False)


def test_missing_without_a_file() -> None:
    """Without a file the error says how a key can be set."""
    with pytest.raises(ConfigError, match=r"^configuration: campaign.name is missing.*BULKSEND_CAMPAIGN_NAME"):
        load_settings(None, environ={})


def test_a_template_file(tmp_path: Path) -> None:
    """A template's file is found beside the configuration; its text counts without BOM, CRs and the last line end."""
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "sale.txt").write_bytes("\ufeffHi {{ name }},\r\n¡hola!\r\n".encode())
    path = write(tmp_path, MINIMUM.replace('template = "Hi {{ first_name }}"', 'template_file = "texts/sale.txt"'))
    campaign = load_settings(path, environ={}).campaign
    assert campaign.template == "Hi {{ name }},\n¡hola!"
    assert campaign.template_file == str(tmp_path / "texts" / "sale.txt")


def test_paths_in_flags_are_relative_to_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path typed in a shell means what it means in every other command there."""
    (tmp_path / "here").mkdir()
    write(tmp_path / "here", "Hello", "sale.txt")
    write(tmp_path / "here", "", "stop.txt")
    path = write(tmp_path, MINIMUM.replace("template =", "# template ="))
    monkeypatch.chdir(tmp_path / "here")
    settings = load_settings(
        path, environ={"BULKSEND_RECIPIENTS_SUPPRESS": "stop.txt"}, overrides=["campaign.template_file=sale.txt"]
    )
    assert settings.campaign.template == "Hello"
    assert settings.recipients.suppress == (str(tmp_path / "here" / "stop.txt"),)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (None, "cannot be read: No such file or directory: "),
        (b"caf\xe9", "is not a text in UTF-8: "),
        (b" \n", "holds nothing but white space: "),
        (b"x" * (MAX_TEMPLATE_BYTES + 1), "is larger than 100 kB: "),
    ],
)
def test_a_template_file_that_cannot_be_used(tmp_path: Path, content: bytes | None, what: str) -> None:
    """What is wrong with a template's file is said with key and path."""
    if content is not None:
        (tmp_path / "sale.txt").write_bytes(content)
    text = MINIMUM.replace('template = "Hi {{ first_name }}"', 'template_file = "sale.txt"')
    assert error(tmp_path, text).startswith(f"campaign.toml: campaign.template_file {what}sale.txt")


def test_a_suppressed_file_that_does_not_exist(tmp_path: Path) -> None:
    """A list of people never to text that is not there must not pass for an empty one."""
    text = MINIMUM + '[recipients]\nsuppress = ["a.txt", "b.txt", "."]\n'
    assert (
        error(tmp_path, text)
        == "campaign.toml: recipients.suppress[0] cannot be read: No such file or directory: a.txt"
    )
    write(tmp_path, "", "a.txt")
    write(tmp_path, "", "b.txt")
    assert error(tmp_path, text).startswith("campaign.toml: recipients.suppress[2] is a folder: ")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"[campaign\n", "not valid TOML: Expected ']' at the end of a table declaration (at line 1, column 10)"),
        (b"[campaign]\nname = 'a'\nname = 'b'\n", "not valid TOML: Cannot overwrite a value (at line 3, column 11)"),
        ("name = 'Überfall'".encode("cp1252"), "not a text in UTF-8. Save it as UTF-8."),
        (MINIMUM.encode("utf-16"), "not a text in UTF-8. Save it as UTF-8."),
        (b"[pacing]\nheadroom = " + b"9" * 5000, "not valid TOML: a number or a nesting is too large"),
        (b"x = " + b"[" * 100_000, "not valid TOML: a number or a nesting is too large"),
    ],
)
def test_a_file_that_is_no_toml(tmp_path: Path, content: bytes, what: str) -> None:
    """What is wrong with the file as such is said with its place."""
    path = tmp_path / "campaign.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ={})
    assert str(caught.value) == f"{path}: {what}"


def test_a_file_that_begins_with_a_byte_order_mark(tmp_path: Path) -> None:
    """What Windows editors put before the text does not make it another file."""
    path = tmp_path / "campaign.toml"
    path.write_bytes(MINIMUM.encode("utf-8-sig"))
    assert load_settings(path, environ={}).campaign.name == "spring-sale"


@pytest.mark.parametrize(("name", "why"), [("none.toml", "No such file or directory"), (".", "Is a directory")])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str, why: str) -> None:
    """A file that is not there is named."""
    path = tmp_path / name
    with pytest.raises(ConfigError) as caught:
        load_settings(path, environ={})
    assert str(caught.value).startswith(f"{path}: {why}. ")


def test_a_lower_layer_is_checked_too(tmp_path: Path) -> None:
    """A mistake in the file is found although a flag sets the same key."""
    path = write(tmp_path, f"{MINIMUM}\n[pacing]\nheadroom = 2\n")
    with pytest.raises(ConfigError, match=r"pacing\.headroom must be"):
        load_settings(path, environ={}, overrides=["pacing.headroom=0.1"])


def test_settings_do_not_show_the_text() -> None:
    """The template is message text: no repr may carry it into a log or a traceback."""
    settings = load_settings(
        None, environ={}, overrides=["campaign.template=Dear Ann", "campaign.name=n", 'identities=[{"id":"A","mps":1}]']
    )
    assert "Dear Ann" not in repr(settings)
    assert "8 characters" in repr(settings)
