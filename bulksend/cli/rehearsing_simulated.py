"""A rehearsal at the simulator: the whole list, as it would be sent, to a stand-in on this machine."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from bulksend.api.sender import MAX_CONNECTIONS
from bulksend.api.summary import Summary
from bulksend.base.clock import SystemClock
from bulksend.base.progress import RunEnd
from bulksend.base.records import Status
from bulksend.cli.demonstrating import RunningSimulator, running_simulator
from bulksend.cli.measuring import Measures, measured_by, peak_memory_bytes
from bulksend.cli.output import print_json, print_text, say, standard_input
from bulksend.cli.rehearsal_service import RECIPIENT_MESSAGES_PER_SECOND, Names, compressed, stand_in, to_toml
from bulksend.cli.rehearsing import Rehearsal
from bulksend.cli.running import RunOptions, run_ledger
from bulksend.config.model import Settings
from bulksend.pipeline.plan import campaign_buckets, make_plan
from bulksend.pipeline.policy import SendResult
from bulksend.pipeline.rehearsal import Measured
from bulksend.report.rehearsal import simulated_document, simulated_lines
from bulksend.simulator.settings import SimulatorSettings
from bulksend.store.ledger import SqliteLedger
from bulksend.store.owner import OwnerLock

MADE_UP = ("rehearsal", "rehearsal")
"""Credentials for the simulator."""


def rehearse_at_simulator(settings: Settings, rehearsal: Rehearsal, day: SimulatorSettings, *, speed: int) -> int:
    """Send the whole list to a simulator of its own at full speed, print the verdict, return the exit code.

    Whatever settings and environment say: it is not DryRun, and it reaches nothing but the simulator.

    Args:
        settings: of the campaign.
        rehearsal: what to rehearse.
        day: latency and faults of the service.
        speed: how many times faster than life.
    """
    settings = replace(settings, campaign=replace(settings.campaign, dry_run=False))
    clock = SystemClock()
    if settings.has_auto:
        say(['The limits of identities with mps = "auto" are taken to be those that AWS documents for their kind.'])
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix=".bulksend-rehearsal-", dir=rehearsal.folder)))
        path = folder / "rehearsal.db"
        owner = stack.enter_context(OwnerLock(path, clock=clock))
        started_s = clock.monotonic()
        make_plan(settings, rehearsal.input_name, path, clock=clock, stdin=standard_input(), owner=owner)
        planning_s = clock.monotonic() - started_s
        fast = compressed(settings, speed)
        service, names = stand_in(fast, day, speed=speed)
        file = folder / "simulator.toml"
        file.touch(mode=0o600)
        file.write_text(to_toml(service))
        stack.enter_context(_this_machine_alone())
        simulator = stack.enter_context(running_simulator(file))
        fast = replace(fast, aws=replace(fast.aws, endpoint_url=simulator.url, region="us-east-1", profile=""))
        result, measured = _run_measured(owner, fast, rehearsal, simulator, names, speed=speed)
        with SqliteLedger.open_for_writing(path, clock=clock, owner=owner) as ledger:
            summary = Summary.of(ledger, path, result=result)
    document = simulated_document(
        campaign=settings.campaign.name,
        counts=summary.counts,
        measured=measured,
        throttled=0 if result is None else result.throttled,
        end=RunEnd.COMPLETE if result is None else result.end,
        cause=None if result is None else result.cause,
        planning_s=planning_s,
        latency_ms=(day.latency.median_ms, day.latency.p99_ms or day.latency.median_ms),
    )
    if rehearsal.as_json:
        print_json(document)
    else:
        print_text(simulated_lines(document))
    return summary.exit_code


def _run_measured(
    owner: OwnerLock,
    settings: Settings,
    rehearsal: Rehearsal,
    simulator: RunningSimulator,
    names: Names,
    *,
    speed: int,
) -> tuple[SendResult | None, Measured]:
    """Send what is pending to the simulator, and measure it; no result where nothing is."""
    clock = SystemClock()
    mps = {name: bucket.mps for name, bucket in campaign_buckets(settings).items()}
    with SqliteLedger.open_for_writing(owner.ledger, clock=clock, owner=owner) as ledger:
        with ledger.transaction():
            ledger.set_mps(mps)
        pending = ledger.counts().of(Status.PENDING)
    measures = Measures(clock, simulator.pid)
    options = RunOptions(
        credentials=MADE_UP,
        recipient_interval_s=1.0 / (RECIPIENT_MESSAGES_PER_SECOND * speed),
        interpose=measured_by(measures, names),
    )
    result = None
    if pending:
        result = run_ledger(owner, settings, options, rehearsal.set_up_watch())
    processors = measures.processors()
    arrived = {name: bucket["fullest_offered"] for name, bucket in simulator.stats()["buckets"].items()}
    measured = Measured(
        seconds=0.0 if result is None else result.seconds,
        speed=speed,
        headroom=settings.pacing.headroom,
        requests_per_second=settings.pacing.requests_per_second,
        buckets=measures.runs(mps, arrived),
        loop=processors.loop,
        simulator=processors.simulator,
        most_in_flight=measures.most_in_flight,
        max_in_flight=settings.aws.max_concurrency or MAX_CONNECTIONS,
        recipient_waits=measures.recipient_waits,
        median_s=measures.latencies.quantile(0.5),
        p99_s=measures.latencies.quantile(0.99),
        process_s=processors.process_s,
        processors=os.cpu_count() or 1,
        peak_memory_bytes=peak_memory_bytes(),
    )
    return result, measured


@contextmanager
def _this_machine_alone() -> Iterator[None]:
    """While it lasts, the SDK finds nothing that could lead it elsewhere: no endpoint, profile, proxy or account."""
    kept = dict(os.environ)
    for name in kept:
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ |= {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "*",
        "no_proxy": "*",
    }
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(kept)
