import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from bulksend.base.errors import ConfigError
from bulksend.config.load import load_settings
from bulksend.config.model import (
    AwsSettings,
    CampaignSettings,
    IdentitySettings,
    PacingSettings,
    RecipientsSettings,
    RetrySettings,
    Settings,
)
from bulksend.config.snapshot import differences, fingerprint, from_document, to_document

SETTINGS = Settings(
    campaign=CampaignSettings(
        name="spring-sale",
        template="¡Hola {{ name }}! \U0001f389",
        time_to_live="72h",
        message_feedback=False,
        context={"team": "crm", "wave": "1"},
    ),
    recipients=RecipientsSettings(suppress=("/lists/a.txt",), default_country="US"),
    identities=(
        IdentitySettings(id="+18885550100", mps=3, countries=("US", "CA"), bucket="toll-free"),
        IdentitySettings(id="ACME", mps=10, bucket="ACME"),
    ),
    aws=AwsSettings(region="us-east-1", read_timeout_s=12.5),
)
NONE_SUPPRESSED = "0" * 64

CHANGES: dict[str, Settings] = {
    "campaign.name": replace(SETTINGS, campaign=replace(SETTINGS.campaign, name="x")),
    "campaign.template": replace(SETTINGS, campaign=replace(SETTINGS.campaign, template="x")),
    "campaign.message_type": replace(SETTINGS, campaign=replace(SETTINGS.campaign, message_type="PROMOTIONAL")),
    "campaign.configuration_set": replace(SETTINGS, campaign=replace(SETTINGS.campaign, configuration_set="x")),
    "campaign.keyword": replace(SETTINGS, campaign=replace(SETTINGS.campaign, keyword="x")),
    "campaign.max_price": replace(SETTINGS, campaign=replace(SETTINGS.campaign, max_price="0.05")),
    "campaign.time_to_live": replace(SETTINGS, campaign=replace(SETTINGS.campaign, time_to_live=60)),
    "campaign.protect_configuration_id": replace(
        SETTINGS, campaign=replace(SETTINGS.campaign, protect_configuration_id="x")
    ),
    "campaign.message_feedback": replace(SETTINGS, campaign=replace(SETTINGS.campaign, message_feedback=None)),
    "campaign.dry_run": replace(SETTINGS, campaign=replace(SETTINGS.campaign, dry_run=True)),
    "campaign.context": replace(SETTINGS, campaign=replace(SETTINGS.campaign, context={"team": "crm"})),
    "campaign.country_parameters": replace(
        SETTINGS, campaign=replace(SETTINGS.campaign, country_parameters={"IN_ENTITY_ID": "1"})
    ),
    "recipients.phone": replace(SETTINGS, recipients=replace(SETTINGS.recipients, phone="x")),
    "recipients.body": replace(SETTINGS, recipients=replace(SETTINGS.recipients, body="x")),
    "recipients.identity": replace(SETTINGS, recipients=replace(SETTINGS.recipients, identity="x")),
    "recipients.default_country": replace(SETTINGS, recipients=replace(SETTINGS.recipients, default_country="")),
    "recipients.validity": replace(SETTINGS, recipients=replace(SETTINGS.recipients, validity="possible")),
    "recipients.duplicates": replace(SETTINGS, recipients=replace(SETTINGS.recipients, duplicates="send")),
    "recipients.encoding": replace(SETTINGS, recipients=replace(SETTINGS.recipients, encoding="cp1252")),
    "recipients.delimiter": replace(SETTINGS, recipients=replace(SETTINGS.recipients, delimiter=";")),
    "recipients.time_zone": replace(SETTINGS, recipients=replace(SETTINGS.recipients, time_zone="zone")),
    "identities": replace(SETTINGS, identities=SETTINGS.identities[:1]),
}


def marks(settings: Settings, suppressed_sha256: str = NONE_SUPPRESSED) -> dict[str, str]:
    """The fingerprint, as it comes back from a ledger."""
    stored: dict[str, str] = json.loads(json.dumps(fingerprint(settings, suppressed_sha256=suppressed_sha256)))
    return stored


AUTO = replace(SETTINGS, identities=tuple(replace(one, mps="auto") for one in SETTINGS.identities))


@pytest.mark.parametrize("settings", [SETTINGS, AUTO, Settings(), *CHANGES.values()])
def test_settings_survive_the_ledger(settings: Settings) -> None:
    """What was stored as JSON comes back equal, without any file."""
    assert from_document(json.loads(json.dumps(to_document(settings)))) == settings


def test_the_document_of_loaded_settings(tmp_path: Path) -> None:
    """Loaded settings survive even when their files are gone."""
    template = tmp_path / "t.txt"
    template.write_text("Hello\n", encoding="utf-8")
    settings = load_settings(
        None,
        environ={"BULKSEND_IDENTITIES": '[{"id": "ACME", "mps": 10}]', "BULKSEND_CAMPAIGN_TIME_TO_LIVE": "60"},
        overrides=["campaign.name=n", f"campaign.template_file={template}", f"recipients.suppress={template}"],
    )
    document = to_document(settings)
    template.unlink()
    assert from_document(document) == settings
    assert from_document(document).campaign.template == "Hello"


def test_a_document_of_an_earlier_version() -> None:
    """A key that did not exist when the ledger was made has its default."""
    document = to_document(SETTINGS)
    del document["retry"]
    assert from_document(document) == SETTINGS


@pytest.mark.parametrize(
    "document", [{"campaign": {"new_key": 1}}, {"campaign": {"name": 1}}, {"new": {}}, {"aws": []}]
)
def test_a_document_of_another_version(document: dict[str, object]) -> None:
    """What this version cannot read is refused with one line that says where it came from."""
    with pytest.raises(ConfigError, match=r"^settings in the ledger: .*later one\.$"):
        from_document(document)


def test_there_is_a_change_for_every_key() -> None:
    """The fingerprint has one entry for every key of [campaign] and [recipients] that can change who gets what."""
    keys = [f"campaign.{field.name}" for field in fields(CampaignSettings) if field.name != "template_file"]
    keys += [
        f"recipients.{field.name}"
        for field in fields(RecipientsSettings)
        if field.name not in ("not_in", "opted_out_file")
    ]
    assert [*keys, "identities"] == list(marks(SETTINGS))
    assert {*CHANGES, "recipients.suppress"} == set(marks(SETTINGS))


@pytest.mark.parametrize("key", CHANGES)
def test_a_change_is_named(key: str) -> None:
    """A change of any setting that decides who gets what changes its entry and no other."""
    assert differences(marks(SETTINGS), marks(CHANGES[key])) == [key]


def test_a_change_of_the_suppressed_numbers_is_named() -> None:
    """What the lists hold counts, not where they lie."""
    elsewhere = replace(SETTINGS, recipients=replace(SETTINGS.recipients, suppress=("/elsewhere/b.txt",)))
    assert differences(marks(SETTINGS), marks(elsewhere)) == []
    assert differences(marks(SETTINGS), marks(SETTINGS, "1" * 64)) == ["recipients.suppress"]


@pytest.mark.parametrize(
    "same",
    [
        replace(SETTINGS, aws=AwsSettings(region="eu-west-2"), pacing=PacingSettings(headroom=0.5)),
        replace(SETTINGS, retry=RetrySettings(on_unknown="resend")),
        replace(SETTINGS, identities=tuple(replace(one, mps=one.known_mps + 1) for one in SETTINGS.identities)),
        replace(SETTINGS, identities=SETTINGS.identities[::-1]),
        replace(SETTINGS, identities=(replace(SETTINGS.identities[0], countries=("CA", "US")), SETTINGS.identities[1])),
        replace(SETTINGS, identities=(SETTINGS.identities[0], replace(SETTINGS.identities[1], bucket=""))),
        replace(SETTINGS, campaign=replace(SETTINGS.campaign, time_to_live=259_200)),
        replace(SETTINGS, campaign=replace(SETTINGS.campaign, template_file="/t.txt")),
        replace(SETTINGS, campaign=replace(SETTINGS.campaign, context={"wave": "1", "team": "crm"})),
    ],
)
def test_what_decides_nothing_may_change(same: Settings) -> None:
    """How fast, by which way, in what order and in what notation: none of it is another campaign."""
    assert differences(marks(SETTINGS), marks(same)) == []


@pytest.mark.parametrize(
    "identity",
    [
        IdentitySettings(id="ACME", mps=10, bucket="other"),
        IdentitySettings(id="ACME", mps=10, bucket="ACME", countries=("GB",)),
        IdentitySettings(id="ACME2", mps=10, bucket="ACME"),
    ],
)
def test_a_change_of_an_identity_is_named(identity: IdentitySettings) -> None:
    """Ids, countries and buckets of identities decide who gets what."""
    changed = replace(SETTINGS, identities=(SETTINGS.identities[0], identity))
    assert differences(marks(SETTINGS), marks(changed)) == ["identities"]


def test_a_fingerprint_shows_nothing() -> None:
    """Every entry is a short hash."""
    assert all(len(mark) == 16 and set(mark) <= set("0123456789abcdef") for mark in marks(SETTINGS).values())


@given(
    st.dictionaries(st.text(max_size=3), st.sampled_from("ab")),
    st.dictionaries(st.text(max_size=3), st.sampled_from("ab")),
)
def test_differences(old: dict[str, str], new: dict[str, str]) -> None:
    """Every key that is not the same in both is named once, none that is."""
    named = differences(old, new)
    assert sorted(named) == sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def test_a_limit_that_is_the_accounts_to_tell_is_no_other_campaign() -> None:
    """A number may be written for `auto` between two runs, and the other way round."""
    assert marks(AUTO) == marks(SETTINGS)
