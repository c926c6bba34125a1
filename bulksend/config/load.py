"""From file, environment and flags to settings that hold together."""

import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import fields, replace

from bulksend.config.checks import check_complete, check_together
from bulksend.config.keys import Given, Source
from bulksend.config.layers import from_environment, from_file, with_overrides
from bulksend.config.model import IDENTITIES, SECTIONS, Settings

MAX_TEMPLATE_BYTES = 100_000
"""Far above any message (1,600 characters): a larger file is not a template but, say, the list."""

S = TypeVar("S", bound=Struct)


def load_settings(
    path: Path | None, *, environ: Mapping[str, str], overrides: Sequence[str] = (), complete: bool = True
) -> Settings:
    """Return the settings of a campaign: defaults under the file under the environment under the overrides.

    Reads `path` and the file of `campaign.template_file`, and makes sure that the files of `recipients.suppress`
    exist; touches nothing else. Every layer is checked, also where a higher one sets the same key. Relative paths are
    relative to the folder of the file that names them; in the environment and in overrides to the working directory.

    Args:
        path: the TOML file; None for none.
        environ: variables named BULKSEND_<SECTION>_<KEY> are read. Strings are taken as they are, numbers and true or
            false by the key's type, `recipients.suppress` separated by commas; tables and BULKSEND_IDENTITIES are
            JSON. A variable with the prefix that is neither a key nor one the command line or Kubernetes sets is an
            error.
        overrides: `section.key=value` each, values as in `environ`; later ones win.
        complete: False leaves out that a campaign needs a name, a message and an identity, for commands that need
            only, say, [aws].

    Raises:
        ConfigError: anything is unknown, wrong or missing; one line that names the source and the key.
    """
    given: dict[str, Given] = {} if path is None else from_file(path)
    given |= from_environment(environ)
    given = with_overrides(given, overrides)
    settings = _assemble(given)
    sources = {key: one.source for key, one in given.items()}
    check_together(settings, sources)
    if complete:
        check_complete(settings, file=path)
    return _with_files(settings, sources)


def _assemble(given: Mapping[str, Given]) -> Settings:
    sections: dict[str, Any] = {name: _section(model, name, given) for name, model in SECTIONS.items()}
    identities: Any = given[IDENTITIES].value if IDENTITIES in given else ()
    return Settings(identities=identities, **sections)


def _section(model: type[S], section: str, given: Mapping[str, Given]) -> S:
    names = (field.name for field in fields(model))
    return model(**{name: given[f"{section}.{name}"].value for name in names if f"{section}.{name}" in given})


def _with_files(settings: Settings, sources: Mapping[str, Source]) -> Settings:
    """Put the text of the template's file in, and absolute paths for relative ones."""
    campaign, recipients = settings.campaign, settings.recipients
    if campaign.template_file is not None:
        key = "campaign.template_file"
        path = _resolved(campaign.template_file, sources[key], key)
        template = _read_template(path, sources[key], key)
        campaign = replace(campaign, template=template, template_file=str(path))
    for name, files in (("suppress", recipients.suppress), ("not_in", recipients.not_in)):
        key = f"recipients.{name}"
        found = tuple(_existing(file, sources[key], f"{key}[{at}]") for at, file in enumerate(files))
        recipients = replace(recipients, **{name: found})
    if recipients.opted_out_file:
        key = "recipients.opted_out_file"
        recipients = replace(recipients, opted_out_file=str(_resolved(recipients.opted_out_file, sources[key], key)))
    pricing = settings.pricing
    if pricing.file:
        pricing = replace(pricing, file=_existing(pricing.file, sources["pricing.file"], "pricing.file"))
    canary = settings.canary
    events = [
        each if each.startswith("s3://") else str(_resolved(each, sources["canary.events"], "canary.events"))
        for each in canary.events
    ]
    canary = replace(canary, events=tuple(events))
    return replace(settings, campaign=campaign, recipients=recipients, pricing=pricing, canary=canary)


def _read_template(path: Path, source: Source, key: str) -> str:
    """Return what a template file holds, with plain line feeds and without the one at its end."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_TEMPLATE_BYTES + 1)
        if len(content) > MAX_TEMPLATE_BYTES:
            what = f"is larger than {MAX_TEMPLATE_BYTES // 1000} kB: {path}"
            raise source.error(key, what, "Give the message, not the list")
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise source.error(key, f"is not a text in UTF-8: {path}", "Save it as UTF-8") from None
    except OSError as error:
        raise source.error(key, f"cannot be read: {error.strerror}: {path}") from None
    text = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
    if not text.strip():
        raise source.error(key, f"holds nothing but white space: {path}")
    return text


def _existing(name: str, source: Source, key: str) -> str:
    path = _resolved(name, source, key)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise source.error(key, f"cannot be read: {error.strerror}: {path}") from None
    if stat.S_ISDIR(mode):
        raise source.error(key, f"is a folder: {path}")
    return str(path)


def _resolved(name: str, source: Source, key: str) -> Path:
    try:
        return (source.folder / Path(name).expanduser()).absolute()
    except RuntimeError:
        raise source.error(key, "names a home folder that is not known", "Write the path in full") from None
