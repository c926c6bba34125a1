"""structlog, set up once: events on standard error, with constant names and fields."""

import logging
import os
import sys
from contextlib import suppress

import structlog

from bulksend.base.errors import ConfigError
from bulksend.cli.output import is_watched

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


class _StandardError:
    """Writes whole lines to whatever standard error is at that moment: a live display may have replaced it."""

    def msg(self, message: str) -> None:
        # Whoever read our lines may have gone, or the disk they went to may be full. The campaign goes on.
        with suppress(OSError, ValueError, AttributeError):
            sys.stderr.write(message + "\n")
            sys.stderr.flush()

    log = debug = info = warning = warn = error = critical = exception = fatal = failure = msg


def set_up_logs(*, log_format: str, verbose: bool, watched: bool) -> None:
    """Choose format and level.

    Args:
        log_format: "console", "json", or "auto": console on a terminal, else json.
        verbose: debug level; else BULKSEND_LOG_LEVEL, else info.
        watched: a live display shows what info would say, so that warnings are enough.
    """
    on_terminal = is_watched()
    as_json = log_format == "json" or (log_format == "auto" and not on_terminal)
    name = os.environ.get("BULKSEND_LOG_LEVEL", "warning" if watched else "info").lower()
    if name not in LEVELS:
        raise ConfigError(f"environment variable BULKSEND_LOG_LEVEL: must be one of {', '.join(LEVELS)}, not {name!r}")
    level = logging.DEBUG if verbose else LEVELS[name]
    # What libraries have to say comes to us as outcomes; their own lines may quote requests, or a traceback, and are
    # not in our format.
    logging.getLogger().addHandler(logging.NullHandler())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=on_terminal),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: _StandardError(),
        cache_logger_on_first_use=False,
    )
