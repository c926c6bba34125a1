"""A campaign as a program holds it: its settings, and how the service is reached."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Self

from bulksend.base.errors import ConfigError
from bulksend.config.changes import with_changes
from bulksend.config.load import load_settings
from bulksend.config.model import Settings
from bulksend.config.snapshot import from_document
from bulksend.store.reading import ReadableLedger

NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
"""An environment in which nothing is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What is to be sent, to whom, from where.

    Attributes:
        settings: of the campaign, complete and checked (`load` makes them).
        region: of AWS, where `aws.region` is not set; "" to let the SDK find it.
        credentials: access key and secret; None to let the SDK find them, as every AWS tool does.
        not_in_key: file with the key of those ledgers of `recipients.not_in` that were forgotten; None: there is none.
    """

    settings: Settings
    region: str = ""
    credentials: tuple[str, str] | None = field(default=None, repr=False)
    not_in_key: Path | None = None

    @classmethod
    def load(
        cls,
        path: str | Path | None,
        *,
        environ: Mapping[str, str] = NO_VARIABLES,
        overrides: Sequence[str] = (),
        credentials: tuple[str, str] | None = None,
    ) -> Self:
        """Read a campaign from its file; blocks for as long as reading some small files takes.

        Args:
            path: the TOML file; None for a campaign that `environ` and `overrides` describe alone.
            environ: BULKSEND_<SECTION>_<KEY> and AWS_REGION are taken from it; pass `os.environ` for what the command
                does. Nothing is taken from the process's own environment, but by the AWS SDK what that looks for.
            overrides: `section.key=value` each, over file and environment.
            credentials: as of the class.

        Raises:
            ConfigError: something is unknown, wrong or missing.
        """
        settings = load_settings(None if path is None else Path(path), environ=environ, overrides=overrides)
        return cls(settings=settings, region=region_of(environ), credentials=credentials)

    @classmethod
    def of_ledger(
        cls,
        ledger: str | Path,
        *,
        environ: Mapping[str, str] = NO_VARIABLES,
        overrides: Sequence[str] = (),
        credentials: tuple[str, str] | None = None,
    ) -> Self:
        """Read a campaign that has begun from its ledger.

        Args:
            ledger: of the campaign.
            environ: AWS_REGION alone is taken from it.
            overrides: `section.key=value` each, of those settings that say how, when and how fast it is sent.
            credentials: as of the class.

        Raises:
            ConfigError: an override is wrong, or of a setting that cannot change any more.
            LedgerError: the ledger cannot be read.
        """
        with ReadableLedger.open_for_reading(Path(ledger)) as held:
            settings = with_changes(from_document(held.campaign), overrides)
        return cls(settings=settings, region=region_of(environ), credentials=credentials)

    def __post_init__(self) -> None:
        if not (self.settings.campaign.name and self.settings.identities):
            raise ConfigError(
                "the settings are not those of a campaign: it has no name or no identity", "Make them by Campaign.load"
            )


def region_of(environ: Mapping[str, str]) -> str:
    """The region that an environment names; "" where it names none."""
    # The SDK for Python reads AWS_DEFAULT_REGION alone; every other AWS tool reads AWS_REGION first.
    return environ.get("AWS_REGION", "")
