import asyncio
import random
from typing import Any

import boto3
from botocore.config import Config

from bulksend.base.clock import SystemClock
from bulksend.simulator.server import SimulatorServer
from bulksend.simulator.service import SimulatedService
from bulksend.simulator.settings import SimulatorSettings, load_settings
from tests.repo.test_config_files import CONFIG


def call(client: Any) -> tuple[str, list[str]]:
    """What a script of somebody's would do: look at the numbers, send a message."""
    numbers = [each["PhoneNumber"] for each in client.describe_phone_numbers()["PhoneNumbers"]]
    sent = client.send_text_message(
        DestinationPhoneNumber="+14255550100", OriginationIdentity="+18885550100", MessageBody="Hi", DryRun=True
    )
    return sent["MessageId"], numbers


def test_boto3_works_against_it_unchanged() -> None:
    """With an endpoint URL and the demo's credentials, which its signatures are checked by."""

    async def main() -> tuple[str, list[str]]:
        settings: SimulatorSettings = load_settings(CONFIG / "demo" / "simulator.toml")
        service = SimulatedService(settings, clock=SystemClock(), random=random.Random(1))
        async with SimulatorServer(service) as server:
            client = boto3.client(
                "pinpoint-sms-voice-v2",
                endpoint_url=server.url,
                region_name="us-east-1",
                aws_access_key_id="demo",
                aws_secret_access_key="demo",
                config=Config(retries={"total_max_attempts": 1}, proxies={}),
            )
            try:
                return await asyncio.to_thread(call, client)
            finally:
                client.close()

    message_id, numbers = asyncio.run(main())
    assert message_id
    assert "+18885550100" in numbers
