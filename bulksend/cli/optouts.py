"""`bulksend optouts`."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulksend.base.errors import UsageError
from bulksend.cli.options import aws_options, campaign_options, examples, json_option, with_flags
from bulksend.cli.output import is_watched, print_json, print_text, say, to_standard_output

if TYPE_CHECKING:
    from bulksend.config.model import AwsSettings

EPILOG = examples(
    ("See which lists there are", "bulksend optouts --region us-east-1"),
    ("Everybody on a list, as a suppression file", "bulksend optouts Default --out opted-out.txt"),
    (
        "Leave them out of a campaign",
        "bulksend send list.csv -c bulksend.toml \\\n  --set recipients.suppress=opted-out.txt",
    ),
    ("At the simulator", "bulksend optouts Default --endpoint-url http://127.0.0.1:8765"),
    after=(
        "It needs the permissions sms-voice:DescribeOptOutLists and DescribeOptedOutNumbers, and changes nothing in the"
        " account."
    ),
)

HEAD_LINES = 5
"""Lines of a file that tell whose it is."""

TELL_AFTER_S = 60.0
"""How often progress is told where nobody is likely to watch."""


@click.command(epilog=EPILOG)
@click.argument("name", metavar="[LIST]", required=False)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file, mode 0600, which appears when it is complete.  [default: standard output]",
)
@click.option("--force", is_flag=True, help="Replace --out whatever it is.  [default: only if it holds this very list]")
@campaign_options
@aws_options
@json_option
def optouts(
    name: str | None,
    out: Path | None,
    config: Path | None,
    overrides: tuple[str, ...],
    endpoint_url: str | None,
    region: str | None,
    profile: str | None,
    *,
    force: bool,
    as_json: bool,
) -> int:
    """Read who is on the opt-out list LIST (a name or ARN); without LIST, which lists there are.

    What comes out is a file for recipients.suppress: one number a line, below a head of comments. The service is asked
    once a second and tells 100 numbers at a time, so 300,000 numbers take 50 minutes; nothing is written before all
    have come. Of a configuration only [aws] is used.
    """
    from bulksend.config.load import load_settings

    if name is None and (out is not None or force):
        raise click.UsageError("--out and --force go with a LIST")
    out = None if out == Path("-") else out
    if out is not None:
        _require_place(out, force=force)
    flags = {"aws.endpoint_url": endpoint_url, "aws.region": region, "aws.profile": profile}
    settings = load_settings(config, environ=os.environ, overrides=with_flags(overrides, flags), complete=False)
    if name is None:
        _tell_lists(settings.aws, as_json=as_json)
    else:
        _read_list(settings.aws, name, out, force=force, as_json=as_json)
    return 0


def _tell_lists(aws: "AwsSettings", *, as_json: bool) -> None:
    import asyncio

    from bulksend.base.account import AccountUnreadable, OptOutList
    from bulksend.base.clock import SystemClock
    from bulksend.cli.accounts import explained, opt_out_reader
    from bulksend.cli.running import loop_factory
    from bulksend.report.opt_outs import list_document, list_lines

    async def read() -> tuple[tuple[OptOutList, ...], str, int]:
        async with opt_out_reader(aws) as (reader, region):
            return await reader.lists(), region, reader.requests

    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            lists, region, requests = runner.run(read())
        except AccountUnreadable as error:
            raise explained(error) from None
    if as_json:
        print_json(list_document(lists, region=region, read_at=SystemClock().now(), requests=requests))
    else:
        print_text(list_lines(lists, region=region))


def _read_list(aws: "AwsSettings", name: str, out: Path | None, *, force: bool, as_json: bool) -> None:
    import asyncio

    from bulksend.base.account import AccountUnreadable, OptedOutPage
    from bulksend.base.clock import SystemClock
    from bulksend.cli.accounts import explained, opt_out_reader
    from bulksend.cli.running import loop_factory
    from bulksend.report.opt_outs import suppression_head
    from bulksend.store.number_files import replaced, write_lines
    from bulksend.store.numbers import NumberSet

    async def read(numbers: NumberSet) -> tuple[OptedOutPage, str, int]:
        async with opt_out_reader(aws) as (reader, region):
            say([f"Reading the opt-out list {name} in {region}, 100 numbers a second."])
            tell = _progress(SystemClock().monotonic)
            first: OptedOutPage | None = None
            async for page in reader.pages(name):
                if first is None and out is not None:
                    _require_own(out, page.arn, force=force)
                first = first or page
                numbers.add_all(page.numbers)
                tell(len(numbers))
            if is_watched():
                say([""])  # ends the line of the progress
            assert first is not None  # noqa: S101 - a list has at least one page, even if nobody is on it
            return first, region, reader.requests

    with NumberSet() as numbers:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            try:
                found, region, requests = runner.run(read(numbers))
            except AccountUnreadable as error:
                raise explained(error) from None
        read_at = SystemClock().now()
        count = len(numbers)
        document = {
            "list": found.name,
            "arn": found.arn,
            "region": region,
            "read_at": read_at,
            "requests": requests,
            "count": count,
        }
        head = suppression_head(found.name, found.arn, read_at=read_at, count=count)
        if out is not None:
            try:
                with replaced(out) as stream:
                    write_lines(stream, head)
                    write_lines(stream, numbers)
            except OSError as error:
                raise _unwritable(out, error.strerror) from None
            say([f"{count:,} {'number' if count == 1 else 'numbers'} on {found.name}: written to {out}"])
        elif not as_json:
            with to_standard_output() as stream:
                write_lines(stream, head)
                write_lines(stream, numbers)
        if as_json:
            print_json({**document, "out": str(out)} if out else {**document, "numbers": list(numbers)})


def _progress(now: Callable[[], float]) -> Callable[[int], None]:
    """Tells how far it is: on one line of a terminal after every page, else a line every minute."""
    watched = is_watched()
    told_at = now()

    def tell(count: int) -> None:
        nonlocal told_at
        if not watched and now() - told_at < TELL_AFTER_S:
            return
        told_at = now()
        line = f"{count:,} numbers so far"
        if watched:
            click.echo(f"\r{line}", err=True, nl=False)
        else:
            say([line])

    return tell


def _require_place(out: Path, *, force: bool) -> None:
    """Refuse, before anything is read, a file that could not be written in the end, or that is not ours to replace."""
    from bulksend.report.opt_outs import MARK

    if not out.absolute().parent.is_dir() or not os.access(out.absolute().parent, os.W_OK):
        raise _unwritable(out, "there is no such folder, or it may not be written")
    if not out.exists():
        return
    if not out.is_file():
        raise _unwritable(out, "it is not a file")
    head = _head(out)
    if head[0].startswith("SQLite format 3"):
        raise _unwritable(out, "it is a ledger, or another database")
    if not force and any(head) and not head[0].startswith(MARK):
        raise UsageError(f"--out {out}: there is a file that holds something else", "Name another one, or add --force")


def _require_own(out: Path, arn: str, *, force: bool) -> None:
    """Refuse to put one list in the place of another: who is on that would be texted again."""
    from bulksend.report.opt_outs import holds_list

    if not force and out.exists() and any(head := _head(out)) and not holds_list(head, arn):
        raise UsageError(f"--out {out}: it holds another opt-out list", "Name another file, or add --force")


def _head(out: Path) -> list[str]:
    try:
        with out.open("rb") as file:
            return [file.readline(500).decode(errors="replace").strip() for _ in range(HEAD_LINES)]
    except OSError as error:
        raise _unwritable(out, error.strerror) from None


def _unwritable(out: Path, cause: str | None) -> UsageError:
    return UsageError(f"--out {out}: cannot be written: {cause}", "Name another file")
