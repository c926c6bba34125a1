"""What has to hold between settings, not within one."""

from collections.abc import Mapping
from pathlib import Path

from bulksend.base.errors import ConfigError
from bulksend.config.keys import Source
from bulksend.config.model import IDENTITIES, IdentitySettings, RecipientsSettings, RetrySettings, Settings
from bulksend.config.names import environment_name
from bulksend.config.operating import ScheduleSettings
from bulksend.origin.identity import sender_key


def check_together(settings: Settings, sources: Mapping[str, Source]) -> None:
    """Check that what is set can stand together.

    Args:
        settings: whose values each keep their rules.
        sources: where each key that was given came from.

    Raises:
        ConfigError: the message has two sources, two keys name one column, an identity is listed twice for one country,
            a bucket has two limits, the first wait of a retry is longer than the longest, or [schedule] has a time that
            is none, ends before it begins, or leaves no time to send.
    """
    _check_one_message(settings, sources)
    _check_columns(settings.recipients, sources)
    if settings.identities:
        _check_identities(settings.identities, sources[IDENTITIES])
    check_retry(settings.retry, sources)
    check_schedule(settings.schedule, sources)


def check_retry(retry: RetrySettings, sources: Mapping[str, Source]) -> None:
    """Check that the first wait of a retry is not longer than the longest. Raises `ConfigError`."""
    if retry.base_s > retry.cap_s:
        key = next(key for key in ("retry.cap_s", "retry.base_s") if key in sources)
        what = f"does not fit: retry.base_s, {retry.base_s:g} s, must not be above retry.cap_s, {retry.cap_s:g} s"
        raise sources[key].error(key, what)


def check_schedule(schedule: ScheduleSettings, sources: Mapping[str, Source]) -> None:
    """Check that the times of [schedule] are there in its time zone, follow one another, and leave time to send.

    Raises:
        ConfigError: they do not.
    """
    if not (schedule.start_at or schedule.deadline or schedule.windows or schedule.quiet_hours):
        return
    # Zones of the world are read for those alone who have use for them.
    from bulksend.schedule.instants import WrongMoment, moment_of
    from bulksend.schedule.week import WrongWindow
    from bulksend.schedule.windows import SendWindows

    moments = {}
    for name in ("start_at", "deadline"):
        if text := getattr(schedule, name):
            try:
                moments[name] = moment_of(text, schedule.time_zone)
            except WrongMoment as error:
                key = next(key for key in (f"schedule.{name}", "schedule.time_zone") if key in sources)
                raise sources[key].error(f"schedule.{name}", str(error)) from None
    if len(moments) == len(("start_at", "deadline")) and moments["start_at"] >= moments["deadline"]:
        key = next(key for key in ("schedule.deadline", "schedule.start_at", "schedule.time_zone") if key in sources)
        begin, end = schedule.start_at, schedule.deadline
        what = f"does not fit: schedule.deadline, {end}, must be after schedule.start_at, {begin}"
        raise sources[key].error(key, what)
    try:
        SendWindows(schedule.windows, schedule.quiet_hours)
    except WrongWindow as error:
        key = next(key for key in ("schedule.quiet_hours", "schedule.windows") if key in sources)
        raise sources[key].error(key, str(error)) from None


def check_complete(settings: Settings, *, file: Path | None) -> None:
    """Check that there is what every campaign needs: a name, a message, an identity.

    Raises:
        ConfigError: one of them is missing.
    """
    where = "configuration" if file is None else str(file)
    if not settings.campaign.name:
        how = f"Set it in the file, in {environment_name('campaign.name')} or with --set campaign.name=NAME"
        raise ConfigError(f"{where}: campaign.name is missing", how)
    if not _messages(settings):
        how = "Set it, campaign.template_file or, for a column with finished texts, recipients.body"
        raise ConfigError(f"{where}: campaign.template is missing: there is no text to send", how)
    if not settings.identities:
        how = "Add [[identities]] with an id and its mps, as config/identities.toml shows"
        raise ConfigError(f"{where}: identities is missing: a campaign needs at least one", how)


def _messages(settings: Settings) -> list[str]:
    """The keys that say where the text of a message comes from; a campaign has exactly one of them."""
    given = {
        "campaign.template": settings.campaign.template,
        "campaign.template_file": settings.campaign.template_file,
        "recipients.body": settings.recipients.body,
    }
    return [key for key, value in given.items() if value]


def _check_one_message(settings: Settings, sources: Mapping[str, Source]) -> None:
    messages = _messages(settings)
    if len(messages) > 1:
        first, second = messages[:2]
        other = "" if sources[first] == sources[second] else f", set by {sources[first].label},"
        raise sources[second].error(
            second,
            f"and {first}{other} exclude one another",
            f"Keep one of them; an empty value counts as not set, as in --set {first}=",
        )


def _check_columns(recipients: RecipientsSettings, sources: Mapping[str, Source]) -> None:
    names = ("phone", "body", "identity", "time_zone")
    columns = {name: getattr(recipients, name) for name in names}
    taken: dict[str, str] = {}
    for name, column in columns.items():
        # Columns are matched ignoring case, spaces, _ and -.
        other = taken.setdefault(column.lower().translate({ord(sign): None for sign in " _-"}) or name, name)
        if other != name:
            key = next(key for key in (f"recipients.{name}", f"recipients.{other}") if key in sources)
            what = f"makes recipients.{other} and recipients.{name} the same column"
            raise sources[key].error(key, what, "Name a column of its own for each")


def _check_identities(identities: tuple[IdentitySettings, ...], source: Source) -> None:
    listed: dict[str, list[tuple[int, IdentitySettings]]] = {}
    limits: dict[str, tuple[int, IdentitySettings]] = {}
    for index, one in enumerate(identities):
        entries = listed.setdefault(sender_key(one.id), [])
        for at, other in entries:
            _check_told_apart(index, one, at, other, source)
        entries.append((index, one))
        at, other = limits.setdefault(one.bucket, (index, one))
        if other.mps != one.mps:
            raise source.error(
                f"{IDENTITIES}[{index}].mps",
                f'is {one.mps} for "{one.id}", but {IDENTITIES}[{at}].mps is {other.mps} for "{other.id}",'
                f' and the two share the limit of the bucket "{one.bucket}"',
                "Give both the same mps, or each a bucket of its own",
            )


def _check_told_apart(index: int, one: IdentitySettings, at: int, other: IdentitySettings, source: Source) -> None:
    """Check that of two entries of one sender it is clear which one serves a country."""
    place, first = f"{IDENTITIES}[{index}]", f"{IDENTITIES}[{at}]"
    if one.id != other.id:
        what = f'is the same number as {first}.id, "{other.id}", in another spelling'
        raise source.error(f"{place}.id", what, "List it once, or spell it alike and give each the countries it is for")
    for entry, where in ((other, first), (one, place)):
        if not entry.countries:
            what = f'is empty, but "{one.id}" is listed twice, as {first} and as {place}'
            raise source.error(f"{where}.countries", what, "List it once, or give each the countries that it is for")
    if both := sorted(set(one.countries) & set(other.countries)):
        what = f'has {", ".join(both)}, as {first}.countries has, and both are for "{one.id}"'
        raise source.error(f"{place}.countries", what, "Give every country to one of them")
