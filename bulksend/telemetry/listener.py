"""What answers Prometheus and container probes, on the event loop of the run."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiohttp import web

from bulksend.base.errors import LedgerError, UsageError
from bulksend.base.progress import Phase
from bulksend.pipeline.watched import Watched
from bulksend.telemetry.exposition import exposed
from bulksend.telemetry.figures import readings

log = structlog.get_logger("bulksend.telemetry")

CLOSING_S = 1.0
"""How long whoever is being answered is waited for when the run has ended."""


@asynccontextmanager
async def listening(host: str, port: int, watched: Watched, campaign: str) -> AsyncIterator[str]:
    """Answer on `host` and `port` (0: any free one) while the context is open. Yields the address, as a URL.

    Raises:
        UsageError: that is not possible there.
    """

    async def metrics(request: web.Request) -> web.Response:
        # Read here, where nothing changes meanwhile; written in a thread, as that takes longer.
        read = readings(watched)
        body, content_type = await asyncio.to_thread(exposed, campaign, read, request.headers.get("Accept", ""))
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def healthz(_: web.Request) -> web.Response:
        cause = watched.breakers.cause
        if isinstance(cause, LedgerError):
            return web.json_response({"status": "failing", "cause": "the ledger cannot be used"}, status=503)
        return web.json_response({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        phase = _phase(watched)
        is_ready = phase in (Phase.SENDING, Phase.WAITING, Phase.PAUSED)
        return web.json_response({"phase": phase}, status=200 if is_ready else 503)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/healthz", healthz), web.get("/readyz", readyz)])
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=CLOSING_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            reason = error.strerror or "it is no address of this machine"
            raise UsageError(
                f"telemetry.metrics_port: cannot listen on {host} port {port} ({reason})",
                "Choose another port, or 0 for none",
            ) from None
        bound = runner.addresses[0]
        url = f"http://{f'[{bound[0]}]' if ':' in bound[0] else bound[0]}:{bound[1]}"
        log.info("telemetry.listening", url=url)
        yield url
    finally:
        await runner.cleanup()


def _phase(watched: Watched) -> str:
    if watched.tally is None:
        return "starting"
    return Phase.STOPPING if watched.breakers.cause is not None else watched.state.phase
