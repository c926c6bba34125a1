"""Where the events of a run go that a program starts."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from bulksend import LedgerError, resume


@pytest.fixture
def untouched() -> Iterator[None]:
    """No settings of structlog, as in a program that does not know of it; afterwards those that there were."""
    kept = structlog.get_config()
    configured = structlog.is_configured()
    structlog.reset_defaults()
    yield
    structlog.configure(**kept) if configured else structlog.reset_defaults()


@pytest.mark.usefixtures("untouched")
def test_events_go_to_logging_and_nothing_is_printed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """One record an event, with its fields, whatever their names; below the level that the program asks for, none."""
    with pytest.raises(LedgerError):
        asyncio.run(resume(tmp_path / "none.db"))
    caplog.set_level(logging.INFO, logger="bulksend")
    log = structlog.get_logger("bulksend.pipeline")
    log.info("something.happened", name="x", message="two words")
    log.debug("something.small")
    assert [(each.name, each.getMessage()) for each in caplog.records] == [
        ("bulksend.pipeline", 'event=something.happened name=x message="two words"')
    ]
    assert "".join(capfd.readouterr()) == ""


@pytest.mark.usefixtures("untouched")
def test_a_program_that_has_set_structlog_up_keeps_its_own(tmp_path: Path) -> None:
    """Nothing of it is changed."""
    structlog.configure(processors=[structlog.processors.JSONRenderer()])
    before = structlog.get_config()
    with pytest.raises(LedgerError):
        asyncio.run(resume(tmp_path / "none.db"))
    assert structlog.get_config() == before
