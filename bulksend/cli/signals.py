"""What the signals that stop a process mean to a run."""

import asyncio
import os
import signal

import structlog

from bulksend.base.errors import ExitCode

log = structlog.get_logger("bulksend.cli")


def interrupted_by_signals() -> asyncio.Event:
    """Return an event that the first SIGINT, SIGTERM or SIGHUP sets; a second one ends the process at once.

    A SIGHUP that is ignored (nohup) stays so.

    That is as safe as a `kill -9`: the ledger has the intent of everything that went on the wire.
    """
    interrupted = asyncio.Event()

    def stop(name: str) -> None:
        if interrupted.is_set():
            os._exit(ExitCode.INTERRUPTED)
        log.warning("run.stopping", signal=name)
        interrupted.set()

    loop = asyncio.get_running_loop()
    hang_up = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
    for each in (signal.SIGINT, signal.SIGTERM, *hang_up):
        loop.add_signal_handler(each, stop, each.name)
    return interrupted
