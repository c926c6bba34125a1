"""Runs the simulator in this process until it is told to stop."""

import asyncio
import random
import signal
from contextlib import suppress
from threading import Thread
from typing import Any

import msgspec

from bulksend.base.clock import SystemClock
from bulksend.base.errors import UsageError
from bulksend.cli.output import print_json, print_text, say, standard_input
from bulksend.cli.running import loop_factory
from bulksend.report.simulated import simulator_lines
from bulksend.simulator.server import SimulatorServer
from bulksend.simulator.service import SimulatedService
from bulksend.simulator.settings import SimulatorSettings

LISTENING = "listening on "
"""Begins the line on standard error that says where; `demo` waits for it."""


def serve(settings: SimulatorSettings, *, host: str, port: int, until_eof: bool, as_json: bool) -> int:
    """Serve until SIGINT, SIGTERM or, with `until_eof`, the end of standard input; print what was seen."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        service = runner.run(_serve(settings, host=host, port=port, until_eof=until_eof))
    document: dict[str, Any] = msgspec.to_builtins(service.stats)
    if as_json:
        print_json(document)
    else:
        print_text(simulator_lines(document))
    return 0


async def _serve(settings: SimulatorSettings, *, host: str, port: int, until_eof: bool) -> SimulatedService:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    service = SimulatedService(settings, clock=SystemClock(), random=random.Random(settings.seed))  # noqa: S311 - dice
    try:
        async with SimulatorServer(service, host=host, port=port) as server:
            say([f"{LISTENING}{server.url}"])
            if until_eof:
                _set_at_eof(stop)
            await stop.wait()
    except OSError as error:
        raise UsageError(f"--port {port}: cannot listen there: {error.strerror}", "Name another port, or 0") from None
    return service


def _set_at_eof(stop: asyncio.Event) -> None:
    """Set `stop` when standard input ends; in a thread, because not every kind of file can be watched by the loop."""
    loop = asyncio.get_running_loop()

    def wait() -> None:
        standard_input().read()
        with suppress(RuntimeError):  # the loop may be closed by now
            loop.call_soon_threadsafe(stop.set)

    Thread(target=wait, daemon=True).start()
