import re
from typing import Any
from uuid import UUID

import pytest
from msgspec import structs

from bulksend.base.request import TEXT_RULES
from bulksend.simulator.faults import ServiceFault
from bulksend.simulator.resources import (
    AccountSettings,
    ConfigurationSetSettings,
    IdentitySettings,
    OptOutListSettings,
    PoolSettings,
    ProtectSettings,
    SpendSettings,
)
from bulksend.simulator.service import SimulatedService
from bulksend.simulator.settings import EventSettings, SimulatorSettings
from bulksend.simulator.stats import ThrottleStats
from tests.unit.simulator.helpers import (
    CA_NUMBER,
    GB_NUMBER,
    LONG_CODE,
    SENDER_ID,
    SHORT_CODE,
    TEN_DLC_A,
    TOLL_FREE,
    US_NUMBER,
    FakeClock,
    account,
    context,
    furnished,
    message,
    service,
)


def send(simulated: SimulatedService, **more: Any) -> str:
    """Send a message; return its id."""
    answer = simulated.call("SendTextMessage", message(**more))
    assert list(answer) == ["MessageId"]
    return str(answer["MessageId"])


def refusal(settings: SimulatorSettings, **more: Any) -> ServiceFault:
    """The fault that a message meets in an account; nothing is accepted by it."""
    simulated = service(settings)
    with pytest.raises(ServiceFault) as caught:
        send(simulated, **more)
    assert simulated.stats.messages.offered == 1
    assert simulated.stats.messages.accepted == 0
    assert simulated.stats.spend_usd == 0
    assert simulated.stats.errors == {caught.value.label: 1}
    return caught.value


def test_an_accepted_message_has_an_id_of_its_own() -> None:
    """A UUID, the same for the same seed, another for each message."""
    first, again = service(), service()
    ids = [send(first), send(first)]
    assert ids == [send(again), send(again)]
    assert ids[0] != ids[1]
    for each in ids:
        assert str(UUID(each)) == each
        assert re.fullmatch(TEXT_RULES["ConfigurationSetName"].pattern, each)


@pytest.mark.parametrize(
    ("text", "parts"), [("x" * 160, 1), ("x" * 161, 2), ("ü" * 160, 1), ("ş" * 71, 2), ("x" * 1530, 10)]
)
def test_parts_are_counted(text: str, parts: int) -> None:
    """What is accepted is counted in parts of the encoding that the text needs."""
    simulated = service()
    send(simulated, body=text)
    assert simulated.stats.buckets["20440"].parts == parts
    assert simulated.stats.spend_usd == pytest.approx(0.00828 * parts)


def test_every_member_is_taken() -> None:
    """A request with all thirteen members is accepted."""
    simulated = service(furnished())
    send(
        simulated,
        MessageType="TRANSACTIONAL",
        Keyword="ACME",
        ConfigurationSetName="sms-events",
        MaxPrice="0.05",
        TimeToLive=3600,
        Context={"team": "crm"},
        DestinationCountryParameters={"IN_ENTITY_ID": "1"},
        DryRun=False,
        ProtectConfigurationId="protect-1",
        MessageFeedbackEnabled=False,
    )
    assert simulated.stats.messages.accepted == 1


@pytest.mark.parametrize(
    ("more", "reason", "field"),
    [
        ({"to": "+0"}, "FIELD_VALIDATION_FAILED", "DestinationPhoneNumber"),
        ({"MessageType": "FOO"}, "FIELD_VALIDATION_FAILED", "MessageType"),
        ({"TimeToLive": "60"}, "CANNOT_PARSE", "TimeToLive"),
        ({"Color": "red"}, "UNSPECIFIED_PARAMETER_NOT_SUPPORTED", "Color"),
        ({"body": None}, "MISSING_PARAMETER", "MessageBody"),
        ({"to": "+999123456"}, "INVALID_PARAMETER", "DestinationPhoneNumber"),
        ({"body": "x" * 1531}, "MAXIMUM_SIZE_EXCEEDED", "MessageBody"),
        ({"body": "ş" * 631}, "MAXIMUM_SIZE_EXCEEDED", "MessageBody"),
        ({"MaxPrice": ".00827"}, "PRICE_OVER_THRESHOLD", "MaxPrice"),
        ({"body": "x" * 161, "MaxPrice": "0.01655"}, "PRICE_OVER_THRESHOLD", "MaxPrice"),
        ({"to": GB_NUMBER}, "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY", "OriginationIdentity"),
        ({"to": US_NUMBER, "origination": "ACME"}, "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY", "OriginationIdentity"),
    ],
)
def test_validation(more: dict[str, Any], reason: str, field: str) -> None:
    """A ValidationException says why, and which field it is about."""
    fault = refusal(account(), **more)
    assert (fault.code, fault.reason) == ("ValidationException", reason)
    assert [name for name, _ in fault.fields] == [field]
    assert fault.http_status == 400


def test_max_price_is_for_the_whole_message() -> None:
    """Two parts at 0.00828: 0.01656 is enough."""
    send(service(), body="x" * 161, MaxPrice="0.01656")


@pytest.mark.parametrize(
    ("more", "reason", "resource_type", "resource_id"),
    [
        ({"to": "+14255550199"}, "DESTINATION_PHONE_NUMBER_OPTED_OUT", "opted-out-number", "+14255550199"),
        ({"to": "14255550199"}, "DESTINATION_PHONE_NUMBER_OPTED_OUT", "opted-out-number", "+14255550199"),
        (
            {"to": "+4915155550112", "origination": "ACME"},
            "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION",
            "protect-configuration",
            "protect-1",
        ),
        (
            {"to": "+447700900666", "origination": "ACME"},
            "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE",
            "protect-configuration",
            "protect-1",
        ),
        ({"to": US_NUMBER, "origination": "pool-1"}, "NO_ORIGINATION_IDENTITIES_FOUND", "pool", "pool-1"),
        ({"to": "+33755512501", "origination": "pool-1"}, "NO_ORIGINATION_IDENTITIES_FOUND", "pool", "pool-1"),
        ({"MessageType": "PROMOTIONAL"}, "MESSAGE_TYPE_MISMATCH", "phone-number", None),
    ],
)
def test_conflicts(more: dict[str, Any], reason: str, resource_type: str, resource_id: str | None) -> None:
    """A ConflictException names Reason and resource, in its members and in its text."""
    fault = refusal(furnished(), **more)
    assert (fault.code, fault.reason, fault.resource_type) == ("ConflictException", reason, resource_type)
    assert resource_id in (None, fault.resource_id)
    assert f'Reason="{reason}"' in fault.message


@pytest.mark.parametrize(
    ("more", "resource_type"),
    [
        ({"origination": "+18005550100"}, "phone-number"),
        ({"origination": "OTHER"}, "sender-id"),
        ({"origination": "pool-9"}, "pool"),
        ({"ConfigurationSetName": "other"}, "configuration-set"),
        ({"ProtectConfigurationId": "protect-9"}, "protect-configuration"),
    ],
)
def test_what_is_not_there(more: dict[str, Any], resource_type: str) -> None:
    """ResourceNotFoundException has no Reason, but type and id."""
    fault = refusal(furnished(), **more)
    assert (fault.code, fault.reason, fault.resource_type) == ("ResourceNotFoundException", None, resource_type)
    assert fault.resource_id in more.values()


def test_any_configuration_set_where_none_is_known() -> None:
    """An account file without configuration sets and protect configurations accepts every name."""
    send(service(), ConfigurationSetName="whatever", ProtectConfigurationId="protect-9")


def test_configuration_sets_and_protect_configurations_by_arn() -> None:
    """Names and ARNs mean the same."""
    prefix = "arn:aws:sms-voice:us-east-1:123456789012"
    send(
        service(furnished()),
        ConfigurationSetName=f"{prefix}:configuration-set/sms-events",
        ProtectConfigurationId=f"{prefix}:protect-configuration/protect-2",
    )


def test_which_protect_configuration_applies() -> None:
    """The request's beats the configuration set's, which beats the account's; an ALLOW override beats a block."""
    german = {"to": "+4915155550112", "origination": "ACME"}
    assert refusal(furnished(), **german).resource_id == "protect-1"
    send(service(furnished()), **german, ProtectConfigurationId="protect-2")
    send(service(furnished()), **german, ConfigurationSetName="filtered")
    both = {**german, "ConfigurationSetName": "filtered", "ProtectConfigurationId": "protect-1"}
    assert refusal(furnished(), **both).resource_id == "protect-1"
    send(service(furnished()), to="+4915155550111", origination="ACME")


def test_an_opt_out_beats_an_allowing_override() -> None:
    """Opt-out list before number override before country rule."""
    number = "+14255550199"
    settings = furnished(
        protect_configurations=(ProtectSettings(id="protect-1", default=True, number_overrides={number: "ALLOW"}),),
        configuration_sets=(),
    )
    assert refusal(settings, to=number).reason == "DESTINATION_PHONE_NUMBER_OPTED_OUT"


def test_opt_out_lists_are_the_identitys_or_the_pools() -> None:
    """Who opted out on one list can be texted by an identity with another; a pool's list replaces its members'."""
    lists = (OptOutListSettings(name="ads", numbers=(CA_NUMBER,)),)
    member = LONG_CODE
    by_pool = account(opt_out_lists=lists, pools=(PoolSettings(id="pool-1", members=(member.id,), opt_out_list="ads"),))
    send(service(by_pool), to=CA_NUMBER, origination=member.id)
    assert refusal(by_pool, to=CA_NUMBER, origination="pool-1").reason == "DESTINATION_PHONE_NUMBER_OPTED_OUT"
    pool_without = account(opt_out_lists=lists)
    send(service(pool_without), to=CA_NUMBER, origination="pool-1")


@pytest.mark.parametrize("reason", ["ACCOUNT_DISABLED", "INSUFFICIENT_ACCOUNT_REPUTATION"])
def test_access_denied(reason: Any) -> None:
    """An account that may not send meets AccessDeniedException every time."""
    fault = refusal(account(account=AccountSettings(access_denied=reason)))
    assert (fault.code, fault.reason) == ("AccessDeniedException", reason)


def test_the_sandbox() -> None:
    """Only verified numbers and AWS's destination simulators can be texted."""
    sandbox = account(account=AccountSettings(tier="sandbox", verified_numbers=(US_NUMBER,)))
    send(service(sandbox))
    send(service(sandbox), to="+14254147755")
    fault = refusal(sandbox, to="+14255550112")
    assert (fault.code, fault.reason) == ("ConflictException", "DESTINATION_PHONE_NUMBER_NOT_VERIFIED")


def test_the_spend_limit() -> None:
    """The message that would go over the limit is refused, and so is every later one that does not fit."""
    spend = SpendSettings(price_per_part_usd=0.01, price_by_country_usd={"GB": 0.04}, limit_usd=0.05)
    simulated = service(account(spend=spend))
    send(simulated)
    send(simulated, to=GB_NUMBER, origination="ACME")
    assert simulated.stats.spend_usd == 0.05
    with pytest.raises(ServiceFault) as caught:
        send(simulated)
    assert caught.value.code == "ServiceQuotaExceededException"
    assert caught.value.reason == "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"
    simulated.reset()
    send(simulated)


def test_an_inactive_identity() -> None:
    """By name it is refused; where the service picks, it is passed over."""
    sleeping = IdentitySettings(id="20441", type="short_code", country="US", mps=5, status="PENDING")
    settings = account(
        identities=(sleeping, SHORT_CODE), pools=(PoolSettings(id="pool-1", members=("20441", "20440")),)
    )
    fault = refusal(settings, origination="20441")
    assert (fault.reason, fault.resource_type) == ("RESOURCE_NOT_ACTIVE", "phone-number")
    simulated = service(settings)
    send(simulated, origination="pool-1")
    assert simulated.stats.buckets["20440"].accepted == 1
    deleting = account(pools=(PoolSettings(id="pool-1", members=("20440",), status="DELETING"),))
    fault = refusal(deleting, origination="pool-1")
    assert (fault.reason, fault.resource_type) == ("RESOURCE_NOT_ACTIVE", "pool")


def test_the_message_type_comes_from_the_request_or_the_configuration_set() -> None:
    """Without either, the identity's own type is taken; a sender id with BOTH takes both."""
    sets = (ConfigurationSetSettings(name="ads", message_type="PROMOTIONAL"),)
    assert refusal(account(configuration_sets=sets), ConfigurationSetName="ads").reason == "MESSAGE_TYPE_MISMATCH"
    send(service(account(configuration_sets=sets)), ConfigurationSetName="ads", MessageType="TRANSACTIONAL")
    both = IdentitySettings(id="ACME", type="sender_id", country="GB", mps=5, message_type="BOTH")
    send(service(account(identities=(both,), pools=())), origination="ACME", MessageType="PROMOTIONAL")


def test_nobody_named() -> None:
    """The service picks somebody who serves the country, or says that there is nobody."""
    simulated = service()
    send(simulated, to=GB_NUMBER, origination=None)
    assert simulated.stats.buckets["ACME"].accepted == 1
    settings = account(identities=(TOLL_FREE,), pools=())
    fault = refusal(settings, to=GB_NUMBER, origination=None)
    assert (fault.reason, fault.resource_type) == ("NO_ORIGINATION_IDENTITIES_FOUND", "account")
    assert refusal(settings, origination=None, MessageType="PROMOTIONAL").reason == "NO_ORIGINATION_IDENTITIES_FOUND"


def test_a_pool_moves_on_to_a_member_with_room() -> None:
    """The first member that serves the country and has room; when none has, the request is throttled."""
    slow = IdentitySettings(id="+14255550150", type="long_code", country="US", mps=1)
    slower = IdentitySettings(id="+14255550151", type="long_code", country="US", mps=2)
    pool = PoolSettings(id="pool-1", members=("ACME", slow.id, slower.id))
    simulated = service(account(identities=(SENDER_ID, slow, slower), pools=(pool,)))
    for _ in range(3):
        send(simulated, origination="pool-1")
    with pytest.raises(ServiceFault) as caught:
        send(simulated, origination="pool-1")
    assert caught.value.code == "ThrottlingException"
    buckets = simulated.stats.buckets
    assert (buckets[slow.id].accepted, buckets[slower.id].accepted, buckets["ACME"].offered) == (1, 2, 0)
    assert buckets[slow.id].throttled == 1


def test_a_simulator_number_reaches_destination_simulators_alone() -> None:
    """And only those of its own country."""
    number = IdentitySettings(id="+14255550160", type="simulator", country="US", mps=1)
    settings = account(identities=(number,), pools=())
    send(service(settings), to="+14254147755", origination=number.id)
    for to in (US_NUMBER, "+447860019066"):
        assert refusal(settings, to=to, origination=number.id).reason == "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY"
    assert refusal(settings, to=US_NUMBER, origination=None).reason == "NO_ORIGINATION_IDENTITIES_FOUND"


def test_throttling_says_nothing_else() -> None:
    """ThrottlingException has a Message and no Reason."""
    simulated = service()
    for _ in range(3):
        send(simulated, origination=TOLL_FREE.id)
    with pytest.raises(ServiceFault) as caught:
        send(simulated, origination=TOLL_FREE.id)
    assert set(caught.value.body()) == {"__type", "Message"}
    assert caught.value.body()["Message"] == "Rate exceeded"
    assert caught.value.http_status == 400
    assert simulated.stats.messages.throttled == simulated.stats.buckets[TOLL_FREE.id].throttled == 1
    assert simulated.stats.messages.throttled_by == ThrottleStats(identity=1, recipient=0, quota=0, fault=0)


def test_identities_of_one_bucket_share_its_limit() -> None:
    """Two numbers of one 10DLC campaign at 20 per second: twenty parts in all."""
    simulated = service()
    for index in range(20):
        send(simulated, origination=f"+1425555014{2 + index % 2}")
    for number in (TEN_DLC_A.id, "+14255550143"):
        with pytest.raises(ServiceFault, match="ThrottlingException"):
            send(simulated, origination=number)


def test_each_country_of_a_sender_id_has_its_own_room() -> None:
    """By its name or its ARN, a message takes room in the bucket of its country alone."""
    german = structs.replace(SENDER_ID, country="DE", countries=("DE",), mps=2)
    simulated = service(account(identities=(structs.replace(SENDER_ID, countries=()), german), pools=()))
    arn = "arn:aws:sms-voice:us-east-1:123456789012:sender-id/ACME/DE"
    for origination in ("ACME", arn):
        send(simulated, to="+4915155550111", origination=origination)
    with pytest.raises(ServiceFault, match="ThrottlingException"):
        send(simulated, to="+4915155550112", origination="ACME")
    for _ in range(10):
        send(simulated, to=GB_NUMBER, origination="ACME")
    buckets = simulated.stats.buckets
    assert (buckets["ACME/GB"].accepted, buckets["ACME/DE"].accepted, buckets["ACME/DE"].throttled) == (10, 2, 1)


def test_what_is_refused_takes_no_room() -> None:
    """Neither an opted-out recipient nor a throttled request keeps a message out that would fit."""
    clock = FakeClock()
    simulated = service(furnished(), clock)
    for _ in range(50):
        with pytest.raises(ServiceFault, match="ConflictException"):
            send(simulated, to="+14255550199", origination=TOLL_FREE.id)
    for _ in range(3):
        send(simulated, origination=TOLL_FREE.id)
    for _ in range(50):
        clock.at += 0.01
        with pytest.raises(ServiceFault, match="ThrottlingException"):
            send(simulated, origination=TOLL_FREE.id)
    clock.at = 1001.0
    send(simulated, origination=TOLL_FREE.id)
    bucket = simulated.stats.buckets[TOLL_FREE.id]
    assert (bucket.offered, bucket.accepted, bucket.throttled) == (104, 4, 50)
    assert (bucket.fullest_accepted, bucket.fullest_offered) == (3, 103)


def test_dry_run_sends_nothing() -> None:
    """Checked like any other, but free, and neither accepted nor recorded nor a duplicate."""
    simulated = service(furnished(record_messages=True))
    for _ in range(4):
        send(simulated, DryRun=True, Context=context("1.1"))
    with pytest.raises(ServiceFault, match="ConflictException"):
        send(simulated, to="+14255550199", DryRun=True)
    stats = simulated.stats
    assert stats.messages.offered == stats.messages.accepted == 0
    assert (stats.dry_run.offered, stats.dry_run.accepted) == (5, 4)
    assert stats.spend_usd == 0
    assert not simulated.messages
    send(simulated, Context=context("1.1"))
    duplicates = simulated.stats.duplicates
    assert (duplicates.destination_text, duplicates.row, duplicates.attempt) == (0, 0, 0)


@pytest.mark.parametrize(("origination", "limit"), [("20440", 5), (TOLL_FREE.id, 3)])
def test_dry_run_has_a_window_of_its_own(origination: str, limit: int) -> None:
    """Five parts per second, or the identity's limit if that is lower; real sends do not count in it."""
    simulated = service()
    send(simulated, origination=origination)
    for _ in range(limit):
        send(simulated, origination=origination, DryRun=True)
    with pytest.raises(ServiceFault, match="ThrottlingException"):
        send(simulated, origination=origination, DryRun=True)
    stats = simulated.stats
    assert stats.dry_run_buckets[origination].mps == stats.dry_run_buckets[origination].fullest_accepted == limit
    assert (stats.dry_run.throttled, stats.messages.throttled) == (1, 0)
    send(simulated, origination=origination)


def test_no_repr_shows_a_number_or_a_text() -> None:
    """A stray log line cannot show whom a message is for, or what it says."""
    simulated = service(account(record_messages=True, events=EventSettings(path="events.jsonl")))
    offer = simulated._texts.offer(message(body="secret", Context={"name": "Ann Onymous"}), 0.0)
    simulated._texts.accept(offer)
    ((_, _, text, _, _),) = simulated._events._waiting
    for shown in (repr(offer), repr(simulated.messages), repr(text)):
        assert US_NUMBER not in shown
        assert "secret" not in shown
        assert "Ann Onymous" not in shown
