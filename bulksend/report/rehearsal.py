"""What a rehearsal at the simulator has shown, to people and to `--json`."""

from collections.abc import Iterator, Mapping
from typing import Any

from bulksend.base.errors import BulksendError
from bulksend.base.progress import Counts, RunEnd
from bulksend.base.records import Status
from bulksend.pipeline.rehearsal import Bottleneck, Cause, Load, Measured, bottleneck
from bulksend.report.words import cut, duration
from bulksend.report.wrapped import wrapped

_MIB = 2**20
_NAME_WIDTH = 20


def simulated_document(
    *,
    campaign: str,
    counts: Counts,
    measured: Measured,
    throttled: int,
    end: RunEnd,
    cause: BulksendError | None,
    planning_s: float,
    latency_ms: tuple[float, float],
) -> dict[str, object]:
    """What `rehearse --at simulator --json` prints (REFERENCE, "JSON").

    `planning_s`: seconds that the plan took. `latency_ms`: median and 99th percentile of the service, in life.
    """
    found = bottleneck(measured)
    median_ms, p99_ms = latency_ms
    return {
        "at": "simulator",
        "campaign": campaign,
        "speed": measured.speed,
        "latency": {"median_ms": median_ms, "p99_ms": p99_ms},
        "rows": counts.rows,
        **{status.value: counts.of(status) for status in Status},
        "reasons": {status.value: dict(reasons) for status, reasons in counts.reasons.items()},
        "end": end.value,
        "cause": None if cause is None else cause.what,
        "buckets": [
            {
                "bucket": each.bucket,
                "mps": each.mps,
                "messages": each.messages,
                "parts": each.parts,
                "parts_per_second": _rounded(each.parts_per_second, 2),
                "used": _rounded(each.used, 4),
                "fullest_released": each.fullest_released,
                "fullest_arrived": each.fullest_arrived,
                "largest": each.largest,
                "throttled": each.throttled,
                "seconds": round(each.last_s, 3),
            }
            for each in measured.buckets
        ],
        "throttled": throttled,
        "planning_seconds": round(planning_s, 3),
        "seconds": round(measured.seconds, 3),
        "seconds_at_limits": round(measured.seconds_at_limits, 1),
        "answers": {"median_ms": round(measured.median_s * 1000, 1), "p99_ms": round(measured.p99_s * 1000, 1)},
        "in_flight": {"most": measured.most_in_flight, "max": measured.max_in_flight},
        "cpu": {
            "processors": measured.processors,
            "process_seconds": round(measured.process_s, 3),
            "loop_share": _share(measured.loop, measured.seconds),
            "simulator_share": _share(measured.simulator, measured.seconds),
        },
        "peak_memory_bytes": measured.peak_memory_bytes,
        "verdict": {
            "cause": found.cause.value,
            "bucket": found.bucket,
            "value": round(found.value, 4),
            "limit": round(found.limit, 4),
            "kept_up": found.kept_up,
            "sentence": _sentence(found, measured),
        },
    }


def simulated_lines(document: Mapping[str, Any]) -> Iterator[str]:
    """A rehearsal at the simulator for people, from `simulated_document`; no line is wider than 80 columns."""
    speed = document["speed"]
    pace = f", {speed} times as fast as life" if speed > 1 else ""
    yield f"Rehearsal of {document['campaign']} at the simulator{pace}"
    counted = ((status.value, document[status.value]) for status in Status)
    yield f"Rows      {document['rows']:,}: {', '.join(f'{number:,} {status}' for status, number in counted if number)}"
    for status in (Status.FAILED, Status.UNKNOWN, Status.PENDING):
        for reason, number in document["reasons"].get(status.value, {}).items():
            yield f"          {number:,} {status.value}: {reason}"
    if document["end"] == RunEnd.INTERRUPTED:
        yield "Interrupted: what follows is about what was sent until then"
    elif document["cause"]:
        yield from wrapped("Stopped", str(document["cause"]))
    if document["buckets"]:
        yield ""
        yield from _bucket_lines(document)
        yield ""
        yield from _figure_lines(document)
    yield from wrapped("Verdict", document["verdict"]["sentence"])
    if speed > 1 and document["buckets"]:
        kept_up = "kept up" if document["verdict"]["kept_up"] else "did not keep up"
        yield from wrapped("", f"This machine {kept_up} with {speed} times the limits.")


def _bucket_lines(document: Mapping[str, Any]) -> Iterator[str]:
    speed = document["speed"]
    limits = "limit" if speed == 1 else f"limit x{speed}"
    yield f"{'':<{_NAME_WIDTH}} {'':>10} {'':>9} {'':>6} {'fullest second':>17}"
    yield (
        f"{'Bucket':<{_NAME_WIDTH}} {limits:>10} {'parts/s':>9} {'used':>6}"
        f" {'let out':>8} {'arrived':>8} {'throttled':>9}"
    )
    for each in document["buckets"]:
        rate = "-" if each["parts_per_second"] is None else _rate(each["parts_per_second"])
        used = "-" if each["used"] is None else f"{each['used']:.1%}"
        yield (
            f"{cut(each['bucket'], _NAME_WIDTH):<{_NAME_WIDTH}} {each['mps']:>10,} {rate:>9} {used:>6}"
            f" {each['fullest_released']:>8,} {each['fullest_arrived']:>8,} {each['throttled'] or '-':>9}"
        )
        if each["largest"] > each["mps"]:
            yield f"  (a message of {each['largest']} parts is more than this limit: it goes alone and is paid for)"


def _figure_lines(document: Mapping[str, Any]) -> Iterator[str]:
    at_limits = f"; in life {duration(document['seconds_at_limits'])}" if document["speed"] > 1 else ""
    planning = _seconds(document["planning_seconds"])
    yield from wrapped("Time", f"{_seconds(document['seconds'])}, after {planning} of planning{at_limits}")
    answers, in_flight, cpu = document["answers"], document["in_flight"], document["cpu"]
    yield from wrapped(
        "Answers",
        f"{_milliseconds(answers['median_ms'])} median, {_milliseconds(answers['p99_ms'])} in 1 of 100;"
        f" {in_flight['most']:,} in flight at most, of {in_flight['max']:,}",
    )
    simulator = cpu["simulator_share"]
    simulators = "" if simulator is None else f", the simulator's {simulator:.0%}"
    yield from wrapped(
        "CPU", f"event loop {cpu['loop_share']:.0%} of a processor{simulators}; there are {cpu['processors']}"
    )
    yield from wrapped("Memory", f"{document['peak_memory_bytes'] / _MIB:,.0f} MiB at most")


def _sentence(found: Bottleneck, measured: Measured) -> str:
    """The verdict, with its number; rates are those of life."""
    if found.cause is Cause.NOTHING:
        return "There was nothing to send."
    rate, limit = _plain(found.value / measured.speed), _plain(found.limit / measured.speed)
    share = f"{found.value / found.limit:.1%}"
    used = f"{rate} of its {limit} parts a second are used ({share})"
    match found.cause:
        case Cause.LIMIT:
            return f"The limit of {found.bucket} decides: {used}."
        case Cause.WHOLE_MESSAGES:
            return f"The limit of {found.bucket} decides: {used}; whole messages of several parts do not fill the rest."
        case Cause.ACCOUNT:
            return (
                f"The account's requests per second decide: {rate} of {limit} are made ({share}), over all identities."
            )
        case Cause.RECIPIENT:
            return (
                f"One message a second to one recipient decides: messages waited {found.value:,.0f} times for somebody"
                " who had just been sent another."
            )
        case Cause.THROTTLING:
            return f"The service throttles: it refused {found.value:.1%} of the requests of {found.bucket} as too many."
        case Cause.PROCESSOR:
            return (
                f"This machine's processor decides: bulksend's event loop wanted it {found.value:.0%} of the time"
                f" ({measured.processors} processors, each message takes {_cost_ms(measured):.2f} ms)."
            )
        case Cause.SIMULATOR:
            return (
                f"This machine's processor decides, and it is the simulator that wanted it {found.value:.0%} of the"
                " time; bulksend alone may be faster."
            )
        case Cause.CONNECTIONS:
            return (
                f"Connections decide: {found.value:,.0f} of at most {found.limit:,.0f} messages were in flight"
                f" (aws.max_concurrency), each for {measured.median_s * 1000:,.0f} ms."
            )
        case Cause.LEDGER:
            return (
                f"The ledger's disk decides: for {found.value:.0%} of the time {found.bucket} had no message at hand"
                " and waited for it."
            )
        case Cause.LATENCY:
            return (
                f"Latency decides: the list is so short that waiting for answers (1 in 100 takes"
                f" {found.value * 1000:,.0f} ms) counts for more than any limit."
            )
        case Cause.STALLS:
            return (
                f"Stalls of this machine decide: {used}, messages went out late, and nothing else that is measured was"
                " scarce."
            )


def _plain(number: float) -> str:
    """With two digits behind the point, as far as they say something."""
    return f"{number:,.2f}".rstrip("0").rstrip(".")


def _cost_ms(measured: Measured) -> float:
    return 1000 * measured.process_s / max(1, sum(each.messages for each in measured.buckets))


def _share(load: Load | None, seconds: float) -> float | None:
    return None if load is None else round(load.wanted_s / max(seconds, 1e-9), 4)


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _rate(parts_per_second: float) -> str:
    return f"{parts_per_second:,.2f}" if parts_per_second < 1000 else f"{parts_per_second:,.0f}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else duration(seconds)


def _milliseconds(milliseconds: float) -> str:
    return f"{milliseconds:,.1f} ms" if milliseconds < 10 else f"{milliseconds:,.0f} ms"
