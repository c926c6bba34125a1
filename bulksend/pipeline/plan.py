"""A whole plan: from an input to a ledger in which every row is decided, or to nothing at all."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from bulksend.base.clock import Clock
from bulksend.base.errors import CampaignChanged, ConfigError, UsageError
from bulksend.base.records import Bucket
from bulksend.config.model import Settings
from bulksend.config.snapshot import differences, fingerprint, to_document
from bulksend.intake import InputFormat, digest_recipients, open_recipients
from bulksend.intake.columns import column_key
from bulksend.message.compose import Template
from bulksend.message.phone import InvalidNumber, NumberReader
from bulksend.origin.buckets import buckets_of
from bulksend.origin.routing import Router
from bulksend.pipeline.planner import Planner, columns_of
from bulksend.pipeline.totals import PlanTotals
from bulksend.store.numbers import FirstSeen, NumberSet
from bulksend.store.owner import OwnerLock
from bulksend.store.plan_writer import PlanWriter
from bulksend.store.reading import ReadableLedger

BATCH_ROWS = 1000
"""Rows decided about, and handed to the ledger, at once."""

INPUT_KEY = "input"
"""What the input is called in a fingerprint."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A finished plan: what it adds up to, and how the input was read."""

    totals: PlanTotals
    input_name: str
    input_format: InputFormat


def read_suppressed(settings: Settings, numbers: NumberSet) -> str:
    """Read the files of `recipients.suppress` into `numbers` and return the SHA-256 of what they hold.

    One number a line; blank lines and lines that start with # are passed over. Raises `ConfigError` with file and
    line for a line that is no number: a number that cannot be read cannot be kept from being texted.
    """
    reader = _number_reader(settings, validity="possible")
    total = 0
    for name in settings.recipients.suppress:
        for place, text in _lines_of(Path(name)):
            try:
                e164 = reader.read(text).e164
            except InvalidNumber as error:
                raise ConfigError(f"recipients.suppress: {place}: {error}", "Correct or remove it") from None
            if e164 not in numbers:
                numbers.add_all([e164])
                # A sum does not depend on the order of the lines, nor on which file holds which.
                total += int.from_bytes(sha256(e164.encode()).digest())
    return f"{total % 2**256:064x}"


def _lines_of(path: Path) -> Iterator[tuple[str, str]]:
    """The lines that say something, each with its place."""
    try:
        with path.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate(lines, start=1):
                if (text := line.strip()) and not text.startswith("#"):
                    yield f"{path}, line {number}", text
    except UnicodeDecodeError:
        raise ConfigError(f"recipients.suppress: {path}: not a text in UTF-8", "Save it as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"recipients.suppress: {path}: {error.strerror}", "Correct the path") from None


def campaign_buckets(settings: Settings) -> dict[str, Bucket]:
    """Every bucket of the campaign by its name, with the limit that holds for it: DryRun has one of its own."""
    dry_run_mps = settings.pacing.dry_run_mps if settings.campaign.dry_run else None
    return buckets_of(settings.identity_records(), dry_run_mps=dry_run_mps)


def campaign_fingerprint(settings: Settings) -> dict[str, str]:
    """The fingerprint of everything but the input."""
    with NumberSet() as suppressed:
        return fingerprint(settings, suppressed_sha256=read_suppressed(settings, suppressed))


def refuse_changes(settings: Settings, input_name: str, ledger: Path, *, stdin: BinaryIO | None = None) -> None:
    """Raise `CampaignChanged` if `ledger` holds another campaign than `settings` and `input_name` make."""
    now = campaign_fingerprint(settings) | {INPUT_KEY: digest_recipients(input_name, stdin=stdin)}
    with ReadableLedger.open_for_reading(ledger) as held:
        changed = differences(held.fingerprint, now)
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
) -> Plan:
    """Read the whole input, decide about every row, and write the ledger. No network.

    The ledger appears under its name when it is complete and not before. Raises `UsageError` (`ConfigError`,
    `InputError`) when settings or input do not allow a plan, `LedgerError` when it cannot be written.
    """
    recipients_settings = settings.recipients
    template = None if settings.campaign.template is None else Template(settings.campaign.template)
    identities = settings.identity_records()
    buckets = campaign_buckets(settings)
    totals = PlanTotals(
        buckets,
        headroom=settings.pacing.headroom,
        requests_per_second=settings.pacing.requests_per_second,
        repeats=recipients_settings.duplicates == "send",
    )
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
        planner = Planner(
            columns=columns_of(recipients_settings, template, recipients.columns, input_name=recipients.name),
            template=template,
            numbers=_number_reader(settings, validity=recipients_settings.validity),
            router=Router(identities),
            suppressed=suppressed,
            first_seen=stack.enter_context(FirstSeen()) if recipients_settings.duplicates == "skip" else None,
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
        if totals.rows == 0:
            raise UsageError(f"{recipients.name}: there are no rows", "Give an input with at least one recipient")
        writer.finish(
            input_name=recipients.name,
            summary=totals.document() | {"source_columns": recipients.columns},
            fingerprint={INPUT_KEY: recipients.sha256},
        )
        return Plan(totals, recipients.name, recipients.format)


def _number_reader(settings: Settings, *, validity: str) -> NumberReader:
    return NumberReader(
        default_country=settings.recipients.default_country or None,
        validity="possible" if validity == "possible" else "valid",
    )
