"""The same figures to an OpenTelemetry collector, as its own variables OTEL_* say where and how often.

The exporter works in a thread of its own, so it never sees the run: it gets what the loop read last.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial

import structlog
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.resources import SERVICE_NAME, Resource

from bulksend import __version__
from bulksend.base.errors import UsageError
from bulksend.pipeline.watched import Watched
from bulksend.telemetry.figures import METRICS, Distribution, Kind, Metric, Reading, readings

log = structlog.get_logger("bulksend.telemetry")

READ_EVERY_S = 1.0
FLUSH_S = 5.0
"""How long the end of a run waits for the last export."""

Latest = Callable[[], Sequence[Reading]]


@asynccontextmanager
async def exporting(watched: Watched, campaign: str, *, flush_s: float = FLUSH_S) -> AsyncIterator[None]:
    """Export while the context is open, and once more at its end, for which `flush_s` seconds are waited at most.

    Raises:
        UsageError: a variable OTEL_* is wrong.
    """
    latest: Sequence[Reading] = readings(watched)

    async def keep_reading() -> None:
        nonlocal latest
        while True:
            await asyncio.sleep(READ_EVERY_S)
            latest = readings(watched)

    try:
        exporter = _Quiet(OTLPMetricExporter())
        reader = PeriodicExportingMetricReader(exporter)
        provider = MeterProvider(metric_readers=[reader], resource=_resource(), shutdown_on_exit=False)
    except ValueError:
        raise UsageError(
            "telemetry.opentelemetry: a variable OTEL_* has a value that cannot be used", "Correct it, or take it away"
        ) from None
    _instruments(provider.get_meter("bulksend", __version__), campaign, lambda: latest)
    task = asyncio.create_task(keep_reading())
    try:
        yield
    finally:
        task.cancel()
        latest = readings(watched)
        await _in_a_thread(lambda: provider.shutdown(timeout_millis=flush_s * 1000), flush_s)
        if exporter.is_exporting:
            exporter.complain(f"the last export was not done in {flush_s:g} s")


class _Quiet(MetricExporter):
    """An exporter whose failures are told once, and are nobody's business but its own.

    Attributes:
        is_exporting: an export is under way.
    """

    def __init__(self, exporter: MetricExporter) -> None:
        super().__init__(exporter._preferred_temporality, exporter._preferred_aggregation)
        self._exporter = exporter
        self._has_complained = False
        self.is_exporting = False

    def complain(self, cause: str) -> None:
        """Say what went wrong, the first time."""
        if not self._has_complained:
            self._has_complained = True
            log.warning("telemetry.export_failed", cause=cause)

    def export(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: object) -> MetricExportResult:
        self.is_exporting = True
        try:
            result = self._exporter.export(metrics_data, timeout_millis=timeout_millis, **kwargs)
        except Exception as error:
            self.complain(type(error).__name__)
            return MetricExportResult.FAILURE
        finally:
            self.is_exporting = False
        if result is not MetricExportResult.SUCCESS:
            self.complain("the collector was not reached, or refused")
        return result

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: object) -> None:
        self._exporter.shutdown(timeout_millis, **kwargs)


def _resource() -> Resource:
    """What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say; without a name of the service, ours."""
    found = Resource.create()
    if str(found.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        found = found.merge(Resource({SERVICE_NAME: "bulksend"}))
    return found


def _instruments(meter: Meter, campaign: str, latest: Latest) -> None:
    for metric in METRICS:
        if metric.kind is Kind.HISTOGRAM:
            # An observed histogram is not among OpenTelemetry's instruments: its classes are counted one by one.
            meter.create_observable_counter(
                f"{metric.dotted}.count",
                [partial(_classes, metric, campaign, latest)],
                unit="{answer}",
                description=f"{metric.meaning} Answers by the seconds (le) that they took at most.",
            )
            meter.create_observable_counter(
                f"{metric.dotted}.sum",
                [partial(_sums, metric, campaign, latest)],
                unit=metric.unit,
                description=f"{metric.meaning} All together.",
            )
            continue
        create = meter.create_observable_counter if metric.kind is Kind.COUNTER else meter.create_observable_gauge
        create(
            metric.dotted,
            [partial(_observed, metric, campaign, latest)],
            unit=metric.unit,
            description=metric.meaning,
        )


def _observed(metric: Metric, campaign: str, latest: Latest, _: CallbackOptions) -> Iterator[Observation]:
    for each in latest():
        if each.metric is metric and not isinstance(each.value, Distribution):
            yield Observation(each.value, _attributes(metric, campaign, each))


def _classes(metric: Metric, campaign: str, latest: Latest, _: CallbackOptions) -> Iterator[Observation]:
    for each in latest():
        if each.metric is metric and isinstance(each.value, Distribution):
            for bound, count in each.value.cumulative():
                yield Observation(count, _attributes(metric, campaign, each) | {"le": bound})


def _sums(metric: Metric, campaign: str, latest: Latest, _: CallbackOptions) -> Iterator[Observation]:
    for each in latest():
        if each.metric is metric and isinstance(each.value, Distribution):
            yield Observation(each.value.total, _attributes(metric, campaign, each))


def _attributes(metric: Metric, campaign: str, reading: Reading) -> dict[str, str]:
    return {"campaign": campaign, **dict(zip(metric.labels, reading.labels, strict=True))}


async def _in_a_thread(work: Callable[[], None], timeout_s: float) -> None:
    """Return when `work` is done, or it is too late: its thread may hang, and must not hold up the end."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def run() -> None:
        try:
            work()
        except Exception as error:
            log.debug("telemetry.shutdown_failed", cause=type(error).__name__)
        finally:
            with suppress(RuntimeError):  # nobody waits any more, and the loop is closed
                loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="bulksend-otlp", daemon=True).start()
    with suppress(TimeoutError):
        await asyncio.wait_for(done.wait(), timeout_s)
