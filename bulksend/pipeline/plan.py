"""A whole plan: from an input to a ledger in which every row is decided, or to nothing at all."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bulksend.base.clock import Clock
from bulksend.base.errors import CampaignChanged, UsageError
from bulksend.base.records import Bucket
from bulksend.config.model import Settings
from bulksend.config.snapshot import differences, fingerprint, to_document
from bulksend.config.times import needs_zones
from bulksend.intake import InputFormat, digest_recipients, open_recipients
from bulksend.intake.columns import column_key
from bulksend.message.compose import Template
from bulksend.message.phone import NumberReader
from bulksend.message.ranges import Ranges
from bulksend.origin.buckets import buckets_of
from bulksend.origin.routing import Router
from bulksend.pipeline.earlier import SUMMARY_KEY, EarlierLedgers, real_names, refuse_itself, unknown_before
from bulksend.pipeline.planner import Planner, columns_of
from bulksend.pipeline.pricing import Cost, prices_of, require_affordable
from bulksend.pipeline.suppressed import read_suppressed
from bulksend.pipeline.totals import PlanTotals
from bulksend.store.numbers import FirstSeen, NumberSet
from bulksend.store.owner import OwnerLock
from bulksend.store.plan_writer import PlanWriter
from bulksend.store.reading import ReadableLedger

if TYPE_CHECKING:
    from bulksend.schedule.zones import ZoneReader

BATCH_ROWS = 1000
"""Rows decided about, and handed to the ledger, at once."""

INPUT_KEY = "input"
"""What the input is called in a fingerprint."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A finished plan.

    Attributes:
        totals: what it adds up to.
        input_name: what the rows came from, for people.
        input_format: how that was read.
        notes: sentences that somebody should read who names earlier ledgers.
        cost: what it costs; None where there are no prices (`pricing.file`).
    """

    totals: PlanTotals
    input_name: str
    input_format: InputFormat
    notes: tuple[str, ...] = ()
    cost: Cost | None = None


def campaign_buckets(settings: Settings) -> dict[str, Bucket]:
    """Every bucket of the campaign by its name, with the limit that holds for it: DryRun has one of its own."""
    dry_run_mps = settings.pacing.dry_run_mps if settings.campaign.dry_run else None
    return buckets_of(settings.identity_records(), dry_run_mps=dry_run_mps)


def campaign_fingerprint(settings: Settings) -> dict[str, str]:
    """The fingerprint of everything but the input."""
    with NumberSet() as suppressed:
        return fingerprint(settings, suppressed_sha256=read_suppressed(settings, suppressed))


def refuse_changes(settings: Settings, input_name: str, ledger: Path, *, stdin: BinaryIO | None = None) -> None:
    """Raise `CampaignChanged` if `ledger` holds another campaign than `settings` and `input_name` make.

    An earlier ledger that it was not planned with is such a change; that those have gone on since is none.
    """
    refuse_itself(settings, ledger)
    now = campaign_fingerprint(settings) | {INPUT_KEY: digest_recipients(input_name, stdin=stdin)}
    with ReadableLedger.open_for_reading(ledger) as held:
        changed = differences(held.fingerprint, now) + unknown_before(settings, held.summary)
    if changed:
        raise CampaignChanged(str(ledger), changed)


def make_plan(
    settings: Settings,
    input_name: str,
    ledger: Path,
    *,
    clock: Clock,
    stdin: BinaryIO | None = None,
    owner: OwnerLock | None = None,
    told: Callable[[int], None] | None = None,
    not_in_key: Path | None = None,
) -> Plan:
    """Read the whole input, decide about every row, and write the ledger. No network.

    The ledger appears under its name when it is complete and not before. `told` is called with the number of rows so
    far, batch by batch; what it raises ends the planning, and nothing is left of it. Raises `UsageError`
    (`ConfigError`, `InputError`) when settings or input do not allow a plan, `LedgerError` when it cannot be written.
    `not_in_key`: file with the key of those ledgers of `recipients.not_in` that were forgotten.
    """
    refuse_itself(settings, ledger)
    recipients_settings = settings.recipients
    template = None if settings.campaign.template is None else Template(settings.campaign.template)
    identities = settings.identity_records()
    buckets = campaign_buckets(settings)
    totals = PlanTotals(
        buckets,
        headroom=settings.pacing.headroom,
        requests_per_second=settings.pacing.requests_per_second,
        repeats=recipients_settings.duplicates == "send",
        template=settings.campaign.template or "",
    )
    prices = prices_of(settings)
    with ExitStack() as stack:
        recipients = stack.enter_context(
            open_recipients(
                input_name,
                stdin=stdin,
                encoding=recipients_settings.encoding,
                delimiter=recipients_settings.delimiter,
                number_column=recipients_settings.phone,
            )
        )
        if template is not None:
            template.bind(column_key)
        suppressed = stack.enter_context(NumberSet())
        marks = fingerprint(settings, suppressed_sha256=read_suppressed(settings, suppressed))
        earlier = None
        if recipients_settings.not_in:
            earlier = stack.enter_context(EarlierLedgers(recipients_settings.not_in, key=not_in_key))
        planner = Planner(
            columns=columns_of(recipients_settings, template, recipients.columns, input_name=recipients.name),
            template=template,
            numbers=_number_reader(settings, validity=recipients_settings.validity),
            router=Router(identities),
            suppressed=suppressed,
            earlier=earlier,
            first_seen=stack.enter_context(FirstSeen()) if recipients_settings.duplicates == "skip" else None,
            zones=_zone_reader(settings),
        )
        writer = stack.enter_context(PlanWriter(ledger, clock=clock, owner=owner))
        writer.begin(
            campaign=to_document(settings),
            fingerprint=marks,
            buckets=list(buckets.values()),
            identities=[identity.origin for identity in identities],
        )
        rows = iter(recipients)
        while batch := planner.plan(islice(rows, BATCH_ROWS)):
            for row in batch:
                totals.add(row)
            writer.add(batch)
            if told is not None:
                told(totals.rows)
        if totals.rows == 0:
            raise UsageError(f"{recipients.name}: there are no rows", "Give an input with at least one recipient")
        cost = require_affordable(settings, totals, prices)
        writer.finish(
            input_name=recipients.name,
            summary=totals.document()
            | {
                "source_columns": recipients.columns,
                "cost": cost.document() if cost is not None else None,
                SUMMARY_KEY: real_names(settings),
            },
            fingerprint={INPUT_KEY: recipients.sha256},
        )
        return Plan(totals, recipients.name, recipients.format, earlier.notes if earlier else (), cost)


def _zone_reader(settings: Settings) -> "ZoneReader | None":
    if not needs_zones(settings):
        return None
    from bulksend.schedule.zones import ZoneReader  # the zones of the world's numbers, for those who need them

    return ZoneReader(settings.schedule.time_zone, kind_of=Ranges().find)


def _number_reader(settings: Settings, *, validity: str) -> NumberReader:
    return NumberReader(
        default_country=settings.recipients.default_country or None,
        validity="possible" if validity == "possible" else "valid",
    )
