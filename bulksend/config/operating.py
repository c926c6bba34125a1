"""The settings of how a campaign is run: when, under whose eyes, at what price, and where its ledger is copied to.

As in `model`: beside every field what it means, its unit, and the rule that it is held to; "" means "not set".
"""

from typing import Annotated

from msgspec import Struct

from bulksend.config import places, timing
from bulksend.config.rules import choice, flag, number, text, whole


class ScheduleSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When messages go out.

    Attributes:
        start_at: nothing goes out before this moment; ISO 8601, in `time_zone` where it has no offset.
        deadline: nothing goes out after this moment, and nothing is handed over by the service after it either;
            likewise.
        windows: when recipients may be texted, in their own time; none: at any time.
        quiet_hours: when recipients are not texted, in their own time, such as "21:00-08:00"; "" for none.
        time_zone: IANA name, of times without an offset, and of recipients whose zone cannot be told.
        wait: whether a run waits for its time; without, it ends and leaves the rows pending.
    """

    start_at: Annotated[str, timing.moment()] = ""
    deadline: Annotated[str, timing.moment()] = ""
    windows: Annotated[tuple[str, ...], timing.windows()] = ()
    quiet_hours: Annotated[str, timing.quiet_hours()] = ""
    time_zone: Annotated[str, timing.time_zone()] = ""
    wait: Annotated[bool, flag()] = True


class CanarySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is sent first, and what has to come of it before the rest goes.

    Attributes:
        messages: how many, spread over countries, buckets and encodings; 0: no canary.
        max_failed: share of them that may fail or stay unknown.
        max_opted_out: share of them whose recipients may have opted out.
        max_undelivered: share of them that may be undelivered, as delivery events have it.
        events: where delivery events are read from: files, folders or s3:// addresses, as for `reconcile`.
        events_wait_s: for how long they are awaited.
    """

    messages: Annotated[int, whole(0, 100_000)] = 0
    max_failed: Annotated[float, number(0, 1, unit="")] = 0.05
    max_opted_out: Annotated[float, number(0, 1, unit="")] = 0.02
    max_undelivered: Annotated[float, number(0, 1, unit="")] = 0.1
    events: Annotated[tuple[str, ...], places.event_sources()] = ()
    events_wait_s: Annotated[float, number(0, 86_400, unit="seconds")] = 300.0


class GuardSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a campaign that goes wrong is paused by itself.

    Attributes:
        max_share: share of the latest messages that may end with one and the same reason; 1: no such limit.
        of_messages: how many messages are the latest.
        action: "pause" until somebody says that it may go on, "stop" the run, or "auto": pause where a person watches
            the terminal, else stop.
    """

    max_share: Annotated[float, number(0, 1, unit="", above_low=True)] = 0.5
    of_messages: Annotated[int, whole(10, 100_000)] = 200
    action: Annotated[str, choice("auto", "pause", "stop")] = "auto"


class PricingSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What messages cost.

    Attributes:
        file: of prices; "" for none.
        max_total: US dollars that a campaign may cost at most; "" for no limit.
    """

    file: Annotated[str, places.optional_file()] = ""
    max_total: Annotated[str, places.amount()] = ""


class LedgerSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the ledger is kept besides its place.

    Attributes:
        copy_to: an object of S3, such as s3://bucket/sale.db; "" for none.
        copy_every_s: seconds between two copies.
    """

    copy_to: Annotated[str, places.s3_object()] = ""
    copy_every_s: Annotated[float, number(10, 86_400, unit="seconds")] = 300.0


class TelemetrySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who else is told how a run goes.

    Attributes:
        metrics_port: where Prometheus and container probes ask; 0: nowhere.
        metrics_host: address that it listens on.
        opentelemetry: whether metrics are exported as the variables OTEL_* say.
    """

    metrics_port: Annotated[int, whole(0, 65_535)] = 0
    metrics_host: Annotated[str, text(places.HOST, unset="127.0.0.1")] = "127.0.0.1"
    opentelemetry: Annotated[bool, flag()] = False
