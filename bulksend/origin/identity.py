"""Origination identities: what they look like and what is known of each."""

import re
from dataclasses import dataclass
from enum import StrEnum

from bulksend.base.records import Origin

_NUMBER_MARKS = re.compile(r"[\s().\-/\u00ad\u2010-\u2015\u2212]+")
_DIGITS = re.compile(r"[0-9]{3,19}")


class IdentityKind(StrEnum):
    """The forms in which OriginationIdentity of SendTextMessage names a sender. RCS agents are not SMS: left out."""

    PHONE_NUMBER = "phone_number"
    PHONE_NUMBER_ID = "phone_number_id"
    PHONE_NUMBER_ARN = "phone_number_arn"
    SHORT_CODE = "short_code"
    SENDER_ID = "sender_id"
    SENDER_ID_ARN = "sender_id_arn"
    POOL_ID = "pool_id"
    POOL_ARN = "pool_arn"


_ARN = r"arn:aws[a-z-]*:sms-voice:[a-z0-9-]+:[0-9]{12}:"
_FORMS: tuple[tuple[IdentityKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern))
    for kind, pattern in (
        # The shortest numbers in E.164 form have 7 digits (Niue), the longest 15 (ITU-T E.164).
        (IdentityKind.PHONE_NUMBER, r"\+[1-9][0-9]{6,14}"),
        (IdentityKind.SHORT_CODE, r"[0-9]{3,8}"),
        (IdentityKind.PHONE_NUMBER, r"[1-9][0-9]{8,14}"),
        # Longer than the 11 characters that a sender id can have, so that the two cannot be confused.
        (IdentityKind.PHONE_NUMBER_ID, r"phone-[A-Za-z0-9]{6,64}"),
        (IdentityKind.POOL_ID, r"pool-[A-Za-z0-9]{7,64}"),
        (IdentityKind.SENDER_ID, r"(?=.*[A-Za-z])[A-Za-z0-9_-]{1,11}"),
        (IdentityKind.PHONE_NUMBER_ARN, _ARN + r"phone-number/phone-[A-Za-z0-9]+"),
        (IdentityKind.POOL_ARN, _ARN + r"pool/pool-[A-Za-z0-9]+"),
        (IdentityKind.SENDER_ID_ARN, _ARN + r"sender-id/[A-Za-z0-9_-]{1,11}/[A-Z]{2}"),
    )
)


def identity_kind(id: str) -> IdentityKind | None:  # noqa: A002 - the word of the configuration and of AWS
    """Return the form of `id`, or None when it is none that SendTextMessage knows.

    Forms: a number in E.164 form (its + may be missing), a short code (3 to 8 digits), a sender id (1 to 11 letters,
    digits, `_` and `-`, with at least one letter), `phone-...`, `pool-...`, and the ARNs of a phone number, a pool or
    a sender id.

    Sources: the SendTextMessage and DescribeSenderIds pages of the API reference; the ARN formats of "Actions,
    resources, and condition keys for AWS End User Messaging SMS and Voice V2". An all-digit sender id (India,
    promotional) has the form of a short code or of a number and is taken for one; it is sent unchanged either way.
    """
    return next((kind for kind, form in _FORMS if form.fullmatch(id)), None)


def number_digits(text: str) -> str | None:
    """Return the digits of `text` when it is a number, with or without + and punctuation; None when it is not."""
    digits = _NUMBER_MARKS.sub("", text).removeprefix("+")
    return digits if _DIGITS.fullmatch(digits) else None


def sender_key(id: str) -> str:  # noqa: A002 - as above
    """Return what is the same for all spellings of one sender: a number with or without + is one."""
    return number_digits(id) or id


@dataclass(frozen=True, slots=True)
class Identity:
    """One origination identity, with a limit that it has to all countries that it serves.

    One whose limit differs by country (a sender id has one in each) is there several times, for different countries.

    Attributes:
        id: what goes into OriginationIdentity, unchanged.
        bucket: name of the bucket that it is charged to; identities with the same name share its limit.
        mps: parts per second that the bucket allows, at least 1; equal for all identities of a bucket.
        countries: ISO 3166 alpha-2 codes, upper case, of the countries it serves; empty: any.
    """

    id: str
    bucket: str
    mps: int
    countries: frozenset[str] = frozenset()

    @property
    def origin(self) -> Origin:
        """What a row that is sent from it is charged to."""
        return Origin(self.id, self.bucket)

    @property
    def kind(self) -> IdentityKind | None:
        """The form of `id`; None when it is none that is known."""
        return identity_kind(self.id)

    def serves(self, country: str | None) -> bool:
        """Whether it may be used to `country`. A country that is not known (None) takes one that serves any."""
        return not self.countries or country in self.countries
