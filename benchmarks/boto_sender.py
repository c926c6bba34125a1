"""boto3 in threads with botocore's adaptive retry mode: `python -m benchmarks.boto_sender`, as `sender`.

It knows nothing of parts or of the limit: it goes as fast as it can until it is throttled, and then adapts.
"""

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from benchmarks.flows import Done, Flow, Sent, Task
from benchmarks.messages import part_counts
from benchmarks.texts import CREDENTIALS, TEXTS, number
from benchmarks.usage import cpu_s

THREADS = 10
"""As many as botocore keeps connections, by default."""


class Threads:
    """One flow while it runs."""

    def __init__(self, flow: Flow, url: str) -> None:
        self._flow = flow
        self._rows = enumerate(part_counts(flow.mix, flow.seed))
        self._lock = threading.Lock()
        self._mine = threading.local()
        self.sent = Sent()
        self._client = boto3.client(
            "pinpoint-sms-voice-v2",
            endpoint_url=url,
            region_name=CREDENTIALS["AWS_REGION"],
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(retries={"mode": "adaptive"}, max_pool_connections=THREADS),
        )
        # Last, because the adaptive mode waits in this event too; it listens to all of it, and what listens to one
        # operation alone would be called before.
        self._client.meta.events.register_last("before-send", self._released)
        self._client.meta.events.register("response-received.pinpoint-sms-voice-v2.SendTextMessage", self._answered)

    def run(self) -> None:
        """Offer messages in the spans of the flow, from every thread."""
        began = time.monotonic()
        with ThreadPoolExecutor(THREADS) as pool:
            for each in [pool.submit(self._offer, began) for _ in range(THREADS)]:
                each.result()

    def _offer(self, began: float) -> None:
        for starts, ends in self._flow.spans:
            time.sleep(max(0.0, began + starts - time.monotonic()))
            while time.monotonic() < began + ends:
                with self._lock:
                    row, parts = next(self._rows)
                self._mine.row, self._mine.parts, self._mine.asked = row, parts, time.monotonic()
                try:
                    self._client.send_text_message(
                        DestinationPhoneNumber=number(row),
                        OriginationIdentity=self._flow.identity,
                        MessageBody=TEXTS[parts],
                    )
                except (ClientError, BotoCoreError):
                    with self._lock:
                        self.sent.failed += 1

    def _released(self, **_: Any) -> None:
        sent, mine = self.sent, self._mine
        with self._lock:
            mine.place = len(sent.rows)
            sent.rows.append(mine.row)
            sent.parts.append(mine.parts)
            sent.asked.append(mine.asked)
            sent.released.append(time.monotonic())
            sent.accepted.append(False)

    def _answered(self, exception: Exception | None, parsed_response: Any, **_: Any) -> None:
        if exception is None and "MessageId" in (parsed_response or {}):
            self.sent.accepted[self._mine.place] = True


def main() -> None:
    """Read the task from standard input, print what was done."""
    task = msgspec.json.decode(sys.stdin.buffer.read(), type=Task)
    flows = [Threads(flow, task.url) for flow in task.flows]
    time.sleep(max(0.0, task.starts_at - time.monotonic()))
    began = cpu_s()
    runners = [threading.Thread(target=flow.run) for flow in flows]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    done = Done(flows=[flow.sent for flow in flows], cpu_s=cpu_s() - began)
    sys.stdout.buffer.write(msgspec.json.encode(done))


if __name__ == "__main__":
    main()
