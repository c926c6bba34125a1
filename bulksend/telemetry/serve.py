"""The one way in: whoever runs a campaign opens `telemetry` around it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol

from bulksend.base.errors import UsageError
from bulksend.pipeline.watched import Watched


class Wanted(Protocol):
    """Who is to be told (`[telemetry]`)."""

    @property
    def metrics_port(self) -> int:
        """Where Prometheus and container probes ask; 0: nowhere."""
        ...

    @property
    def metrics_host(self) -> str:
        """The address that is listened on."""
        ...

    @property
    def opentelemetry(self) -> bool:
        """Whether metrics are exported as the variables OTEL_* say."""
        ...


@asynccontextmanager
async def telemetry(wanted: Wanted, watched: Watched, campaign: str) -> AsyncIterator[None]:
    """Tell whom it is `wanted` how `watched` goes, while the context is open.

    To be opened before anything is sent, and before the run is noted in the ledger.

    Raises:
        UsageError: the port cannot be had, or what OpenTelemetry takes is not installed.
    """
    async with AsyncExitStack() as stack:
        if wanted.opentelemetry:
            try:
                from bulksend.telemetry.otlp import exporting
            except ModuleNotFoundError as error:
                if not (error.name or "").startswith("opentelemetry"):
                    raise
                raise UsageError(
                    "telemetry.opentelemetry: the SDK of OpenTelemetry is not installed",
                    "Install it with pip install 'bulksend[otel]', or set it to false",
                ) from None
            await stack.enter_async_context(exporting(watched, campaign))
        if wanted.metrics_port:
            from bulksend.telemetry.listener import listening

            await stack.enter_async_context(listening(wanted.metrics_host, wanted.metrics_port, watched, campaign))
        yield
