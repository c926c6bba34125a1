"""What the simulator's tests share: accounts, a clock that stands still, and a server in a thread of its own."""

import asyncio
import json
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

import msgspec
from botocore.config import Config
from botocore.session import Session

from bulksend.base.clock import SystemClock
from bulksend.simulator.http_request import HttpRequest
from bulksend.simulator.resources import (
    AccountSettings,
    ConfigurationSetSettings,
    IdentitySettings,
    OptOutListSettings,
    PoolSettings,
    ProtectSettings,
)
from bulksend.simulator.server import SimulatorServer
from bulksend.simulator.service import SimulatedService
from bulksend.simulator.settings import FaultSettings, SimulatorSettings

TOLL_FREE = IdentitySettings(id="+18885550100", type="toll_free", country="US", countries=("US",), mps=3)
SHORT_CODE = IdentitySettings(id="20440", type="short_code", country="US", countries=("US",), mps=100)
SENDER_ID = IdentitySettings(id="ACME", type="sender_id", country="GB", countries=("GB", "DE"), mps=10)
TEN_DLC_A = IdentitySettings(
    id="+14255550142", type="ten_dlc", country="US", mps=20, bucket="10dlc", registration_id="registration-1"
)
TEN_DLC_B = IdentitySettings(
    id="+14255550143", type="ten_dlc", country="US", mps=20, bucket="10dlc", registration_id="registration-1"
)
LONG_CODE = IdentitySettings(id="+16045550123", type="long_code", country="CA", countries=("CA",), mps=1)
POOL = PoolSettings(id="pool-1", members=("+16045550123",))

US_NUMBER = "+14255550111"
GB_NUMBER = "+447700900111"
CA_NUMBER = "+16045550111"


def account(**changes: Any) -> SimulatorSettings:
    """An account with one identity of each kind, and `changes`.

    A recipient can be sent any number of messages in a second, so that tests of other limits need only one.
    """
    tables: dict[str, Any] = {
        "account": AccountSettings(messages_per_recipient_per_second=0),
        "identities": (TOLL_FREE, SHORT_CODE, SENDER_ID, TEN_DLC_A, TEN_DLC_B, LONG_CODE),
        "pools": (POOL,),
    }
    return SimulatorSettings(**{**tables, **changes})


def furnished(**changes: Any) -> SimulatorSettings:
    """As `account`, with opt-outs, protect rules and configuration sets."""
    tables: dict[str, Any] = {
        "opt_out_lists": (OptOutListSettings(name="Default", numbers=("+14255550199", "+14255550198")),),
        "protect_configurations": (
            ProtectSettings(
                id="protect-1",
                default=True,
                country_rules={"DE": "BLOCK"},
                number_overrides={"+447700900666": "BLOCK", "+4915155550111": "ALLOW"},
            ),
            ProtectSettings(id="protect-2", country_rules={"US": "FILTER"}),
        ),
        "configuration_sets": (
            ConfigurationSetSettings(name="sms-events"),
            ConfigurationSetSettings(
                name="filtered", message_type="TRANSACTIONAL", protect_configuration_id="protect-2"
            ),
        ),
    }
    return account(**{**tables, **changes})


def faults(**rates: float) -> FaultSettings:
    """Faults with these probabilities."""
    return msgspec.convert(rates, FaultSettings)


class FakeClock:
    """A clock that only moves when it is told to, or slept on."""

    def __init__(self, start: float = 1000.0) -> None:
        self.at = start

    def monotonic(self) -> float:
        """Seconds."""
        return self.at

    def now(self) -> datetime:
        """The same moment on a calendar."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.at)

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.at += seconds


def service(settings: SimulatorSettings | None = None, clock: FakeClock | None = None) -> SimulatedService:
    """The service on a clock that stands still."""
    settings = settings or account()
    return SimulatedService(settings, clock=clock or FakeClock(), random=random.Random(settings.seed))


def message(to: str = US_NUMBER, body: str = "Hello", origination: str | None = "20440", **more: Any) -> dict[str, Any]:
    """The parameters of a SendTextMessage."""
    params: dict[str, Any] = {"DestinationPhoneNumber": to, "MessageBody": body, **more}
    return params if origination is None else {**params, "OriginationIdentity": origination}


def http_request(
    body: bytes = b"{}",
    *,
    headers: Mapping[bytes, bytes],
    path: str = "/",
    query: str = "",
    method: str = "POST",
) -> HttpRequest:
    """A request that has arrived."""
    return HttpRequest(
        method=method.encode(),
        path=path.encode(),
        query=query.encode(),
        headers=dict(headers),
        body=body,
        is_too_long=False,
        keep_alive=True,
        arrived_at=0.0,
    )


def context(row: str, campaign: str = "spring") -> Mapping[str, str]:
    """The Context that bulksend sends."""
    return {"bulksend_campaign": campaign, "bulksend_row": row}


@dataclass(frozen=True)
class Running:
    """A simulator that listens on loopback."""

    url: str

    @contextmanager
    def client(self, **config: Any) -> Iterator[Any]:
        """A botocore client that neither retries nor looks for credentials."""
        client = Session().create_client(
            "pinpoint-sms-voice-v2",
            region_name="us-east-1",
            endpoint_url=self.url,
            aws_access_key_id=config.pop("key_id", "AKIDEXAMPLE"),
            aws_secret_access_key=config.pop("secret", "secret"),
            aws_session_token=config.pop("token", None),
            config=Config(retries={"total_max_attempts": 1}, proxies={}, **config),
        )
        try:
            yield client
        finally:
            client.close()

    def get(self, name: str) -> Any:
        """What `GET /_simulator/<name>` answers."""
        return self._open(Request(f"{self.url}/_simulator/{name}"))  # noqa: S310 - loopback

    def reset(self) -> None:
        """POST /_simulator/reset."""
        self._open(Request(f"{self.url}/_simulator/reset", method="POST"))  # noqa: S310 - loopback

    @staticmethod
    def _open(request: Request) -> Any:
        with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
            return json.load(answer)


@contextmanager
def running(settings: SimulatorSettings | None = None) -> Iterator[Running]:
    """A server in a thread of its own."""
    settings = settings or account()
    is_listening = threading.Event()
    url: list[str] = []
    stops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def serve() -> None:
        simulated = SimulatedService(settings, clock=SystemClock(), random=random.Random(settings.seed))
        async with SimulatorServer(simulated) as server:
            url.append(server.url)
            stop = asyncio.Event()
            stops.append((asyncio.get_running_loop(), stop))
            is_listening.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert is_listening.wait(10)
        yield Running(url[0])
    finally:
        for loop, stop in stops:
            loop.call_soon_threadsafe(stop.set)
        thread.join(10)
    assert not thread.is_alive()
