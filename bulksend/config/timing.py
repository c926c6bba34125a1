"""Rules for moments, times of day and time zones."""

from datetime import datetime

from bulksend.config.rules import Breach, Rule, as_string, type_name


def moment() -> Rule:
    """A date and a time in ISO 8601, with an offset or without; "" is kept.

    Whether there is such a time in the campaign's time zone is `checks.check_schedule`'s to say.
    """

    def check(value: object) -> str:
        string = as_string(value.isoformat() if isinstance(value, datetime) else value)
        if string:
            from bulksend.schedule.instants import WrongMoment, moment_of

            try:
                moment_of(string, "")
            except WrongMoment as error:
                raise Breach(str(error)) from None
        return string

    return Rule(check)


def windows() -> Rule:
    """A list of times of day, each with days before it or without; in the environment and in flags with commas."""

    def check(value: object) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise Breach(f'must be an array such as ["mon-fri 09:00-20:00"], not {type_name(value)}')
        return tuple(_time_of_day(item, days=True, at=f"[{index}]") for index, item in enumerate(value))

    return Rule(check, _separated)


def quiet_hours() -> Rule:
    """A time of day such as "21:00-08:00"; "" is kept."""
    return Rule(lambda value: _time_of_day(value, days=False) if value != "" else "")


def time_zone() -> Rule:
    """The name of a time zone of IANA, in any case; kept as IANA spells it; "" is kept."""

    def check(value: object) -> str:
        name = as_string(value)
        if not name:
            return ""
        from bulksend.schedule.names import known_zone

        if (zone := known_zone(name)) is None:
            raise Breach('must be the name of a time zone, such as "Europe/Berlin"')
        return zone

    return Rule(check)


def _time_of_day(value: object, *, days: bool, at: str = "") -> str:
    from bulksend.schedule.week import WrongWindow, minutes_of

    string = as_string(value)
    try:
        minutes_of(string, days=days)
    except WrongWindow as error:
        raise Breach(str(error), at=at) from None
    return string


def _separated(string: str) -> list[str]:
    if string.lstrip().startswith("["):
        raise Breach(
            "is a list with commas here, without brackets and quotes", "Write mon-fri 09:00-20:00,sat 10:00-16:00"
        )
    return [part.strip() for part in string.split(",") if part.strip()]
