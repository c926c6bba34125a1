"""`bulksend simulate`."""

from pathlib import Path

import click

from bulksend.cli.options import examples, json_option

EPILOG = examples(
    ("A believable bad day on port 8765", "bulksend simulate"),
    ("A day of your own", "bulksend simulate --settings simulator.toml"),
    (
        "Send to it, with made-up credentials",
        "export AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x AWS_REGION=us-east-1\n"
        "bulksend send list.csv -c bulksend.toml --ledger try.db \\\n  --endpoint-url http://127.0.0.1:8765",
    ),
    ("What it saw", "curl http://127.0.0.1:8765/_simulator/stats"),
)


@click.command(epilog=EPILOG)
@click.option(
    "--settings",
    "settings_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="What the service is like: identities, latency, faults (config/simulator.toml shows every key).  "
    "[default: that file]",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on: this machine only.")
@click.option("--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="0: any free port.")
@click.option("--until-eof", is_flag=True, help="Stop when standard input ends, for programs that start it.")
@json_option
def simulate(settings_file: Path | None, host: str, port: int, *, until_eof: bool, as_json: bool) -> int:
    """Run the local stand-in for the service until Ctrl-C; then print what it saw.

    It speaks the service's own protocol, so that boto3 and the AWS CLI work against it too, holds every identity to
    its limit, and writes nothing but the events it is told to. Any credentials do, unless the settings name some.
    """
    from bulksend.base.errors import UsageError
    from bulksend.cli.samples import sample
    from bulksend.cli.simulating import serve
    from bulksend.simulator.settings import load_settings

    if host not in ("127.0.0.1", "::1", "localhost"):
        raise UsageError(f"--host {host}: the simulator only listens on this machine", "Use 127.0.0.1")
    settings = load_settings(settings_file or sample("simulator.toml"))
    return serve(settings, host=host, port=port, until_eof=until_eof, as_json=as_json)
