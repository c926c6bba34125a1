"""What machines are told of a run: over real HTTP on loopback, scraped and pushed."""

import asyncio
import re
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from bulksend.base.errors import LedgerError, UsageError
from bulksend.base.progress import Phase, RunState
from bulksend.base.records import Claim, Outcome, OutcomeKind, Status
from bulksend.pipeline.tally import Tally
from bulksend.telemetry.exposition import exposed
from bulksend.telemetry.figures import METRICS, readings
from bulksend.telemetry.otlp import exporting
from bulksend.telemetry.serve import telemetry
from tests.support.run_in_view import RunInView, StandingStops, a_lane, a_tally


@dataclass(frozen=True)
class Wanted:
    """The settings of [telemetry]."""

    metrics_port: int = 0
    metrics_host: str = "127.0.0.1"
    opentelemetry: bool = False


def free_port() -> int:
    """A port of loopback that nobody uses."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def busy_tally() -> Tally:
    """Totals with some of everything."""
    tally = a_tally()
    for _ in range(3):
        tally.settled(Status.SENT)
        tally.answered(0.12)
    claim = Claim(7, 1, "+14255550142", "US", "+18885550100", "short", "a secret", 1)
    tally.refused(claim, Outcome(OutcomeKind.FAILED_RECIPIENT, "opted_out"), at_s=1.0)
    return tally


def everything() -> RunInView:
    """A run of which there is something to tell by every metric but the time left."""
    state = RunState(Phase.WAITING, "window", until=None, ordered={"short": 3.0})
    stops = StandingStops({("ACME", "GB"): "country_not_enabled"})
    return RunInView(state, busy_tally(), stops, [a_lane("short", throttled=4), a_lane("toll-free")])


async def get(url: str, path: str) -> tuple[int, str]:
    """Status and body."""
    async with aiohttp.ClientSession() as session, session.get(url + path) as answer:
        return answer.status, await answer.text()


def test_what_is_scraped_is_what_the_run_says() -> None:
    """A scrape gives the figures of that moment; nothing of a recipient is among them."""
    run = everything()
    port = free_port()

    async def scrape() -> str:
        async with telemetry(Wanted(port), run, "sale"):
            assert (await get(f"http://127.0.0.1:{port}", "/metrics"))[0] == 200
            run.lanes = [a_lane("short", done=50, throttled=4)]
            return (await get(f"http://127.0.0.1:{port}", "/metrics"))[1]

    text = asyncio.run(scrape())
    values = {
        (sample.name, *(value for label, value in sample.labels.items() if label != "campaign")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert values["bulksend_rows", "sent"] == 43
    assert values["bulksend_sent_total",] == 3
    assert values["bulksend_not_accepted_total", "failed_recipient", "opted_out"] == 1
    assert values["bulksend_answer_seconds_count",] == 3
    assert values["bulksend_answer_seconds_sum",] == pytest.approx(0.36)
    assert values["bulksend_answer_seconds_bucket", "0.1"] == 0
    assert values["bulksend_answer_seconds_bucket", "0.15"] == 3
    assert (values["bulksend_phase", "waiting"], values["bulksend_phase", "sending"]) == (1, 0)
    assert values["bulksend_not_sending", "window"] == 1
    assert values["bulksend_breaker", "GB", "ACME", "country_not_enabled"] == 1
    assert values["bulksend_bucket_messages_done", "short"] == 50
    assert values["bulksend_bucket_throttled_total", "short"] == 4
    assert values["bulksend_bucket_ordered_parts_per_second", "short"] == 3.0
    assert "4255550142" not in text
    assert "secret" not in text


def test_every_metric_is_told_and_no_other() -> None:
    """Over a run that sends and one that waits until a known time, each name that is declared is exposed."""
    waiting, sending = everything(), everything()
    sending.state = RunState(ordered={"short": 3.0})
    waiting.state = RunState(Phase.WAITING, "window", until=datetime(2026, 11, 24, 12, tzinfo=UTC))
    names = {
        family.name
        for run in (waiting, sending)
        for family in text_string_to_metric_families(exposed("sale", readings(run), "")[0].decode())
    }
    assert names == {metric.name for metric in METRICS}
    assert all(re.fullmatch(r"bulksend_[a-z_]+", name) for name in names)


def test_probes() -> None:
    """Ready is who sends or waits to; alive is who can use its ledger."""
    run, port = RunInView(), free_port()

    async def probe() -> list[tuple[int, int]]:
        url, seen = f"http://127.0.0.1:{port}", []
        cases = [
            (None, RunState(), None),
            (a_tally(), RunState(), None),
            (a_tally(), RunState(Phase.PAUSED, "operator"), None),
            (a_tally(), RunState(Phase.STOPPING), None),
            (a_tally(), RunState(), LedgerError("the disk is full")),
        ]
        async with telemetry(Wanted(port), run, "sale"):
            for run.tally, run.state, run.breakers.cause in cases:
                seen.append(((await get(url, "/healthz"))[0], (await get(url, "/readyz"))[0]))
        return seen

    assert asyncio.run(probe()) == [(200, 503), (200, 200), (200, 200), (200, 503), (503, 503)]


def test_a_port_that_is_taken_is_a_mistake() -> None:
    """It is named, before anything is sent."""

    async def listen(port: int) -> None:
        async with telemetry(Wanted(port), everything(), "sale"):
            pass

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"metrics_port: cannot listen on 127.0.0.1 port {port} .*in use"):
            asyncio.run(listen(port))


@asynccontextmanager
async def collector(status: int = 200) -> AsyncIterator[tuple[str, asyncio.Queue[ExportMetricsServiceRequest]]]:
    """A collector on loopback, and what it is sent."""
    found: asyncio.Queue[ExportMetricsServiceRequest] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        found.put_nowait(ExportMetricsServiceRequest.FromString(await request.read()))
        return web.Response(status=status)

    app = web.Application()
    app.add_routes([web.post("/v1/metrics", take)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", found
    finally:
        await runner.cleanup()


def test_a_collector_gets_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the run said last arrives at the end, whatever the interval, with the attributes that it has."""
    run = everything()

    async def export() -> ExportMetricsServiceRequest:
        async with collector() as (url, found):
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
            monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "team=crm")
            async with telemetry(Wanted(opentelemetry=True), run, "sale"):
                assert run.tally is not None
                run.tally.settled(Status.SENT)
            assert found.qsize() == 1
            return found.get_nowait()

    request = asyncio.run(export())
    (resource,) = request.resource_metrics
    assert {each.key: each.value.string_value for each in resource.resource.attributes}.items() >= {
        ("service.name", "bulksend"),
        ("team", "crm"),
    }
    metrics = {metric.name: metric for scope in resource.scope_metrics for metric in scope.metrics}
    (sent,) = metrics["bulksend.sent"].sum.data_points
    assert (sent.as_int, sent.attributes[0].value.string_value) == (4, "sale")
    assert metrics["bulksend.sent"].sum.is_monotonic
    allowed = metrics["bulksend.bucket_allowed"]
    assert (allowed.unit, [point.as_double for point in allowed.gauge.data_points]) == ("{part}/s", [9.9, 9.9])
    classes = {
        attribute.value.string_value: point.as_int
        for point in metrics["bulksend.answer.count"].sum.data_points
        for attribute in point.attributes
        if attribute.key == "le"
    }
    assert (classes["0.1"], classes["0.15"], classes["+Inf"]) == (0, 3, 3)
    assert "4255550142" not in str(request)


def test_a_collector_that_refuses_hurts_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said once, and the run ends as it would have."""

    async def export() -> None:
        async with collector(status=400) as (url, found):
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
            monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "50")
            async with exporting(everything(), "sale"):
                for _ in range(2):
                    await asyncio.wait_for(found.get(), 10)

    with capture_logs() as logs:
        asyncio.run(export())
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["telemetry.export_failed"]


def test_a_collector_that_does_not_answer_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end waits for the last export as long as it says, and no longer."""

    async def export() -> float:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
            loop = asyncio.get_running_loop()
            async with exporting(everything(), "sale", flush_s=0.3):
                began_s = loop.time()
            return loop.time() - began_s

    with capture_logs() as logs:
        assert asyncio.run(export()) < 2.0
    assert [entry["event"] for entry in logs if entry["log_level"] == "warning"] == ["telemetry.export_failed"]


def test_a_variable_that_is_wrong_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """One line, before anything is sent."""
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "-1")

    async def export() -> None:
        async with telemetry(Wanted(opentelemetry=True), everything(), "sale"):
            pass

    with pytest.raises(UsageError, match="a variable OTEL_"):
        asyncio.run(export())


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.metric_exporter", None)
    monkeypatch.delitem(sys.modules, "bulksend.telemetry.otlp")

    async def export() -> None:
        async with telemetry(Wanted(opentelemetry=True), everything(), "sale"):
            pass

    with pytest.raises(UsageError, match=r"pip install 'bulksend\[otel\]'"):
        asyncio.run(export())
