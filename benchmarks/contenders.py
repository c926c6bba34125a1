"""Who sends in the benchmark `send`, and how one of them is measured once."""

import json
import ssl
import statistics
import sys
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import msgspec

from benchmarks import campaigns, peers
from benchmarks.certificates import Certificate
from benchmarks.endpoint import endpoint
from benchmarks.jobs import CAMPAIGN, Job, Result
from benchmarks.process import run
from benchmarks.rig import environment
from benchmarks.texts import TEXTS

BULKSEND = {"bulksend-express": "express", "bulksend-sdk": "sdk"}
"""Contender -> its `aws.transport`."""

BASE = "aiobotocore-uvloop"
JAVASCRIPT = "javascript"

COMPILED_AFTER = 3_000
"""Messages that are sent before those that are measured where a just-in-time compiler has to see them first."""

NAMES = {
    "floor": "no SDK: a bare protocol, signed",
    "bulksend-express": "`bulksend send`, express",
    "bulksend-sdk": "`bulksend send`, sdk",
    "capo": "capo, uvloop",
    "capo-rust": "capo on pyreqwest, uvloop",
    BASE: "aiobotocore, uvloop",
    "aiobotocore": "aiobotocore, asyncio",
    "aiobotocore-gather": "aiobotocore, uvloop, gather",
    "boto3": "boto3, threads",
    JAVASCRIPT: "AWS SDK for JavaScript",
}
"""Contender -> how the tables call it, in their order."""

PEERS = tuple(name for name in NAMES if name != "floor" and name not in BULKSEND)


@dataclass(frozen=True, slots=True)
class Scenario:
    """Where messages go.

    Attributes:
        title: of its table.
        latency_s: from a request to its answer.
        connections: in flight at once.
        tls: whether over TLS.
        pinned: whether the client has one core, and the endpoint another; else both have all.
    """

    title: str
    latency_s: float = 0.0
    connections: int = 32
    tls: bool = False
    pinned: bool = False


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One contender in one scenario, in one round or over all; microseconds are of processor time, for a message.

    Attributes:
        contender: a key of `NAMES`.
        messages: that were measured.
        per_second: messages, while sending.
        alone_us: sending alone.
        whole_us: all of the process; None where it does nothing but send.
        peak_mib: most memory that was resident.
        endpoint_us: of the endpoint, which is not in the others.
    """

    contender: str
    messages: int
    per_second: float
    alone_us: float
    whole_us: float | None
    peak_mib: float
    endpoint_us: float

    @property
    def counted_us(self) -> float:
        """The figure that is compared: everything that was done for a message."""
        return self.alone_us if self.whole_us is None else self.whole_us


def measure(contender: str, scenario: Scenario, messages: int, certificate: Certificate | None) -> Sent:
    """Run one contender once."""
    cores, others = ((0,), (1,)) if scenario.pinned else ((), ())
    env = environment()
    if certificate is not None:
        trusted = str(certificate.authority)
        env |= {"AWS_CA_BUNDLE": trusted, "SSL_CERT_FILE": trusted, "NODE_EXTRA_CA_CERTS": trusted}
    with endpoint(latency_s=scenario.latency_s, certificate=certificate, cores=others) as at:
        job = Job(
            contender=contender,
            url=at.url,
            authority=str(certificate.authority) if certificate else "",
            messages=messages,
            connections=scenario.connections,
            first=COMPILED_AFTER if contender == JAVASCRIPT else scenario.connections,
        )
        result, whole_s, expected = _measured(job, scenario, env=env, cores=cores)
    if at.served.requests != expected:
        raise RuntimeError(f"{contender}: {at.served.requests} requests arrived instead of {expected}")
    return Sent(
        contender=contender,
        messages=messages,
        per_second=messages / result.wall_s,
        alone_us=result.cpu_s / messages * 1e6,
        whole_us=whole_s and whole_s / messages * 1e6,
        peak_mib=result.peak_mib,
        endpoint_us=at.served.cpu_s / at.served.requests * 1e6,
    )


def _measured(
    job: Job, scenario: Scenario, *, env: Mapping[str, str], cores: Collection[int]
) -> tuple[Result, float | None, int]:
    """What sending took, what the whole process took where that counts, and how many requests that makes."""
    if job.contender in BULKSEND:
        with tempfile.TemporaryDirectory() as place:
            transport, latency_s = BULKSEND[job.contender], scenario.latency_s
            alone, whole = campaigns.sent(Path(place), job, transport, latency_s=latency_s, env=env, cores=cores)
        return alone, whole.cpu_s, 2 * job.messages
    if job.contender == JAVASCRIPT:
        task = msgspec.structs.asdict(job) | {"text": TEXTS[1], "campaign": CAMPAIGN}
        folder = peers.javascript()
        ran = run(["node", "send.mjs"], folder=folder, env=env, stdin=json.dumps(task).encode(), cores=cores)
    else:
        packages = str(peers.python()) if job.contender.startswith("capo") else ""
        job = msgspec.structs.replace(job, packages=packages)
        ran = run([sys.executable, "-m", "benchmarks.clients"], env=env, stdin=msgspec.json.encode(job), cores=cores)
    return msgspec.json.decode(ran.out, type=Result), None, job.first + job.messages


def versions(contenders: Collection[str]) -> str:
    """Which SDKs were measured."""
    found = [f"{name} {version(name)}" for name in ("aiobotocore", "boto3")]
    if any(each.startswith("capo") for each in contenders):
        pinned = [line.partition("==") for line in peers.PYTHON.read_text().splitlines()]
        found += [f"{name} {number}" for name, _, number in pinned if number]
    if JAVASCRIPT in contenders:
        wanted = json.loads((peers.JAVASCRIPT / "package.json").read_text())["dependencies"]
        found += [f"{name} {number}" for name, number in wanted.items()]
        found.append(f"node {run(['node', '--version']).out.decode().strip().removeprefix('v')}")
    return ", ".join([*found, ssl.OPENSSL_VERSION])


def present(contenders: Iterable[str]) -> Iterator[str]:
    """Those that can run here; says of the others why not."""
    for contender in contenders:
        try:
            if contender == JAVASCRIPT:
                peers.javascript()
            elif contender.startswith("capo"):
                peers.python()
        except peers.Missing as reason:
            print(f"left out: {NAMES[contender]}: {reason}", file=sys.stderr)
        else:
            yield contender


def combined(rounds: Sequence[Sent]) -> Sent:
    """Medians of all rounds."""

    def median(field: str) -> float:
        return statistics.median(float(getattr(each, field)) for each in rounds)

    first = rounds[0]
    return Sent(
        contender=first.contender,
        messages=first.messages,
        per_second=median("per_second"),
        alone_us=median("alone_us"),
        whole_us=None if first.whole_us is None else median("whole_us"),
        peak_mib=median("peak_mib"),
        endpoint_us=median("endpoint_us"),
    )
