"""Readings as Prometheus takes them."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as AnyFamily
from prometheus_client.registry import Collector

from bulksend.telemetry.figures import METRICS, Distribution, Kind, Metric, Reading

_Family = GaugeMetricFamily | CounterMetricFamily | HistogramMetricFamily


class _Readings(Collector):
    """Values that were read before."""

    def __init__(self, campaign: str, read: Iterable[Reading]) -> None:
        self._campaign = campaign
        self._read = read

    def collect(self) -> Iterator[AnyFamily]:
        """Every metric that has a value, in their order."""
        families: dict[str, _Family] = {}
        for each in self._read:
            family = families.setdefault(each.metric.name, _family(each.metric))
            labels = [self._campaign, *each.labels]
            if isinstance(family, HistogramMetricFamily) and isinstance(each.value, Distribution):
                family.add_metric(labels, list(each.value.cumulative()), each.value.total)
            elif isinstance(family, (GaugeMetricFamily, CounterMetricFamily)) and isinstance(each.value, (int, float)):
                family.add_metric(labels, each.value)
        yield from (families[metric.name] for metric in METRICS if metric.name in families)


def exposed(campaign: str, read: Iterable[Reading], accept: str) -> tuple[bytes, str]:
    """The body of an answer to a scrape, in a format that its Accept header takes, and its type."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Readings(campaign, read))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def _family(metric: Metric) -> _Family:
    labels = ("campaign", *metric.labels)
    match metric.kind:
        case Kind.GAUGE:
            return GaugeMetricFamily(metric.name, metric.meaning, labels=labels)
        case Kind.COUNTER:
            return CounterMetricFamily(metric.name, metric.meaning, labels=labels)
        case Kind.HISTOGRAM:
            return HistogramMetricFamily(metric.name, metric.meaning, labels=labels)
