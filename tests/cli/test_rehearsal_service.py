import random
from pathlib import Path

import pytest
from msgspec.structs import replace

from bulksend.base.clock import SystemClock
from bulksend.cli.rehearsal_service import PROFILES, compressed, stand_in, to_toml
from bulksend.config.load import load_settings
from bulksend.config.model import Settings
from bulksend.simulator.service import SimulatedService
from bulksend.simulator.settings import FaultSettings, LatencySettings, SimulatorSettings
from bulksend.simulator.settings import load_settings as load_day

CAMPAIGN = """
[campaign]
name = "test"
template = "Hi"
message_type = "PROMOTIONAL"
[pacing]
requests_per_second = 7
headroom = 0.05
"""

IDENTITIES = {
    "+18885550100": "US",
    "18885550101": "US",
    "20440": "US",
    "ACME": "DE",
    "phone-0123456789abcdef": "US",
    "pool-0123456789abcdef": "US",
    "arn:aws:sms-voice:us-east-1:123456789012:phone-number/phone-fedcba98": "US",
    "arn:aws:sms-voice:us-east-1:123456789012:pool/pool-fedcba98": "US",
    "arn:aws:sms-voice:us-east-1:123456789012:sender-id/OTHER/GB": "GB",
}
"""Every form of an identity -> a country that it is configured to serve."""

NUMBERS = {"US": "+14255550111", "DE": "+491713920001", "GB": "+447700900123"}


def settings_of(folder: Path, identities: str) -> Settings:
    """A campaign with these identities."""
    file = folder / "c.toml"
    file.write_text(CAMPAIGN + identities)
    return load_settings(file, environ={})


def every_form(folder: Path) -> Settings:
    """A campaign with an identity of every form, each with a limit of its own."""
    tables = (
        f'[[identities]]\nid = "{id}"\nmps = {mps}\ncountries = ["{country}"]\n'
        for mps, (id, country) in enumerate(IDENTITIES.items(), start=10)  # noqa: A001 - the word of the settings
    )
    return settings_of(folder, "".join(tables))


def test_every_identity_can_send_at_its_own_limit(tmp_path: Path) -> None:
    """Whatever form its id has: the simulator knows it, lets it send where it may, and holds it to its limit."""
    settings = every_form(tmp_path)
    service, names = stand_in(compressed(settings, 1), SimulatorSettings(), speed=1)
    simulated = SimulatedService(replace(service, request_quotas={}), clock=SystemClock(), random=random.Random(1))
    for at, identity in enumerate(settings.identity_records()):
        (country,) = identity.countries
        request = {
            "DestinationPhoneNumber": NUMBERS[country],
            "OriginationIdentity": names[identity.id, identity.bucket],
            "MessageBody": "Hi",
            "MessageType": "PROMOTIONAL",
            "MaxPrice": "0.00001",
        }
        assert simulated.call("SendTextMessage", request, arrived_at=10.0 + 2 * at)["MessageId"]
        stats = simulated.stats.buckets[identity.bucket]
        assert (stats.mps, stats.accepted) == (identity.mps, 1), identity.id


def test_time_is_compressed_alike(tmp_path: Path) -> None:
    """Limits of identities, account and recipients, latencies and waits; not the headroom."""
    settings = every_form(tmp_path)
    fast = compressed(settings, 60)
    service, _ = stand_in(fast, SimulatorSettings(latency=PROFILES["typical"]), speed=60)
    assert [one.mps for one in fast.identity_records()] == [60 * one.mps for one in settings.identity_records()]
    assert {one.mps for one in service.identities} == {one.mps for one in fast.identity_records()}
    assert (fast.pacing.requests_per_second, service.request_quotas) == (420, {"SendTextMessage": 420})
    assert service.account.messages_per_recipient_per_second == 60
    assert (service.latency.median_ms, service.latency.p99_ms) == (1.0, 3.0)
    assert (fast.retry.base_s * 60, fast.retry.cap_s * 60) == pytest.approx((settings.retry.base_s, 20.0))
    assert fast.retry.give_up_after_s * 60 == pytest.approx(settings.retry.give_up_after_s)
    assert fast.pacing.headroom == 0.05


def test_shared_limits_stay_shared(tmp_path: Path) -> None:
    """Identities of one bucket are held to one limit; a sender id with a limit by country to each of them."""
    tables = """
[[identities]]
id = "+14255550142"
mps = 20
bucket = "10dlc"
[[identities]]
id = "+14255550143"
mps = 20
bucket = "10dlc"
[[identities]]
id = "ACME"
mps = 10
countries = ["DE"]
[[identities]]
id = "ACME"
mps = 5
countries = ["GB", "FR"]
"""
    settings = settings_of(tmp_path, tables)
    service, names = stand_in(settings, SimulatorSettings(), speed=1)
    limits = {one.bucket: one.mps for one in service.identities}
    assert limits == {one.bucket: one.mps for one in settings.identity_records()}
    assert len(limits) == 3
    assert set(names.values()) == {"+14255550142", "+14255550143", "ACME"}


def test_a_limit_that_the_account_would_tell_is_the_documented_one(tmp_path: Path) -> None:
    """Nobody is asked: US toll-free numbers have 3."""
    settings = settings_of(tmp_path, '[[identities]]\nid = "+18885550100"\nmps = "auto"\n')
    service, _ = stand_in(compressed(settings, 10), SimulatorSettings(), speed=10)
    assert [one.mps for one in service.identities] == [30]


def test_the_simulator_reads_what_is_written_for_it(tmp_path: Path) -> None:
    """The file holds exactly the settings; latency, faults and seed are those of the day that was given."""
    day = SimulatorSettings(seed=7, latency=LatencySettings(median_ms=0.1), faults=FaultSettings(drop_after=1e-05))
    service, _ = stand_in(compressed(every_form(tmp_path), 3), day, speed=3)
    file = tmp_path / "simulator.toml"
    file.write_text(to_toml(service))
    assert load_day(file) == service
    assert (service.seed, service.faults) == (day.seed, day.faults)
