"""`bulksend forget`."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulksend.base.errors import UsageError
from bulksend.cli.options import examples, json_option
from bulksend.cli.output import can_ask, print_json, print_text, say

if TYPE_CHECKING:
    from bulksend.store.forget import Forgotten

EPILOG = examples(
    ("Forget who got what, and what they were told", "bulksend forget sale.db"),
    ("From a scheduled job, a month later", "bulksend forget sale.db --yes --json"),
    ("Know the same person again in another ledger", "bulksend forget sale.db --key ~/bulksend.key"),
    after=(
        "Export what you need first. Exports, reports, lists, copies and backups are files of their own: delete them"
        " too. Whoever has the key can find out whether a number they know is in the ledger: keep it elsewhere."
    ),
)


@click.command(epilog=EPILOG)
@click.argument("ledger", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Hash numbers with the key in this file, 32 bytes; made, mode 0600, where there is none."
    "  [default: a random key, thrown away]",
)
@click.option("-y", "--yes", is_flag=True, help="Forget without asking; needed where nobody can be asked.")
@json_option
def forget(ledger: Path, key_file: Path | None, *, yes: bool, as_json: bool) -> int:
    """Remove texts, numbers and the list's own columns from LEDGER, for good.

    For a campaign that is finished: no row pending or sending. What is left: counts, row numbers, message ids,
    statuses, reasons, countries, times, and of every number a keyed hash. `status`, `export`, `report` and `reconcile`
    go on working; nothing can be sent by it any more. Either all of it is forgotten, or, when this is interrupted,
    nothing.
    """
    from bulksend.base.clock import SystemClock
    from bulksend.base.records import Status
    from bulksend.store.forget import forget_ledger, forgotten
    from bulksend.store.owner import OwnerLock
    from bulksend.store.reading import ReadableLedger

    already = forgotten(ledger)
    with ReadableLedger.open_for_reading(ledger) as held:
        counts = held.counts()
        ledger_settings = held.campaign.get("ledger")
    rows, unknown = counts.rows, counts.of(Status.UNKNOWN)
    if already is None:
        _require_consent(ledger, rows, unknown, yes=yes)
        clock = SystemClock()
        with OwnerLock(ledger, clock=clock) as owner:
            key = secrets.token_bytes(32) if key_file is None else _key_in(key_file)
            made = forget_ledger(ledger, key, keep_key=key_file is not None, clock=clock, owner=owner)
    else:
        made = already
    copied_to = ledger_settings.get("copy_to") if isinstance(ledger_settings, dict) else None
    if copied_to:
        say([f"The copy at {copied_to} is as it was: delete it, or replace it by {ledger}."])
    if as_json:
        print_json(_document(ledger, made, rows, unknown, already=already is not None))
    else:
        print_text([_line(ledger, made, rows, already=already is not None)])
    return 0


def _require_consent(ledger: Path, rows: int, unknown: int, *, yes: bool) -> None:
    if unknown:
        say(
            [
                f"{unknown:,} rows are unknown: delivery events can still settle them by their row, but nobody will be"
                " able to look up whom they were for, nor send them again."
            ]
        )
    if yes:
        return
    if not can_ask():
        raise UsageError("nobody can be asked whether to forget: this is not a terminal", "Add --yes")
    click.confirm(f"Forget texts, numbers and columns of {rows:,} rows in {ledger}, for good?", err=True, abort=True)


def _key_in(file: Path) -> bytes:
    """The key in `file`, which is made where it is not there."""
    from bulksend.base.keyed import KEY_BYTES
    from bulksend.store.files import create_private, sync

    try:
        if not file.exists():
            create_private(file)
            file.write_bytes(secrets.token_bytes(KEY_BYTES))
            sync(file)  # hashes of a key that a crash took away would be no better than random
            say([f"A new key is in {file}."])
        key = file.read_bytes()
    except OSError as error:
        raise UsageError(f"--key {file}: cannot be read or made: {error.strerror}", "Name another file") from None
    if len(key) != KEY_BYTES:
        raise UsageError(
            f"--key {file}: a key has {KEY_BYTES} bytes, and this file {len(key):,}",
            "Name a file that is not there yet",
        )
    return key


def _document(ledger: Path, made: "Forgotten", rows: int, unknown: int, *, already: bool) -> dict[str, object]:
    return {
        "ledger": str(ledger),
        "rows": rows,
        "unknown": unknown,
        "forgotten_at": made.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "key_id": made.key_id,
        "already": already,
    }


def _line(ledger: Path, made: "Forgotten", rows: int, *, already: bool) -> str:
    key = "a key that was thrown away" if made.key_id is None else f"the key {made.key_id}"
    if already:
        return f"{ledger} was forgotten on {made.at:%Y-%m-%d} already, with {key}: nothing to do."
    return f"Forgotten: texts, numbers and columns of {rows:,} rows in {ledger}. Numbers are hashed with {key}."
