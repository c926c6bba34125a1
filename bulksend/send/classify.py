"""The one table from what went wrong to what follows from it.

AWS does not publish which reasons SendTextMessage can give, so the table covers every value of the reason enums of the
service model (API version 2022-03-31; a test holds it to botocore's copy). Reasons that belong to other operations are
"unexpected": the row fails, and a run of them stops the campaign.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from bulksend.base.records import Outcome, OutcomeKind
from bulksend.send.fault import Fault

_RECIPIENT = OutcomeKind.FAILED_RECIPIENT
_IDENTITY = OutcomeKind.FAILED_IDENTITY
_UNEXPECTED = OutcomeKind.FAILED_UNEXPECTED
_STOP = OutcomeKind.STOP

ROW_FIELDS = frozenset({"DestinationPhoneNumber", "MessageBody", "Context", "DestinationCountryParameters", "MaxPrice"})
"""Members in which a bad value is one row's trouble. All others are the same for the whole campaign."""


def _table(**kinds: str) -> Mapping[str, OutcomeKind]:
    return MappingProxyType(
        {reason: OutcomeKind(kind) for kind, reasons in kinds.items() for reason in reasons.split()}
    )


REASONS: Mapping[str, Mapping[str, OutcomeKind]] = MappingProxyType(
    {
        "AccessDeniedException": _table(stop="ACCOUNT_DISABLED INSUFFICIENT_ACCOUNT_REPUTATION"),
        "ConflictException": _table(
            failed_recipient="""
                DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE DESTINATION_PHONE_NUMBER_NOT_VERIFIED
                DESTINATION_PHONE_NUMBER_OPTED_OUT
            """,
            failed_route="DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION NO_ORIGINATION_IDENTITIES_FOUND",
            failed_identity="""
                KEYWORD_MISMATCH MESSAGE_TYPE_MISMATCH NUMBER_CAPABILITIES_MISMATCH RESOURCE_NOT_ACTIVE
            """,
            failed_unexpected="""
                CREATE_REGISTRATION_VERSION_NOT_ALLOWED DELETION_PROTECTION_ENABLED
                DISASSOCIATE_REGISTRATION_NOT_ALLOWED DISCARD_REGISTRATION_VERSION_NOT_ALLOWED
                EDIT_REGISTRATION_FIELD_VALUES_NOT_ALLOWED EVENT_DESTINATION_MISMATCH LAST_PHONE_NUMBER
                NOTIFY_CONFIGURATION_NOT_ACTIVE OPT_OUT_LIST_MISMATCH PHONE_NUMBER_ASSOCIATED_TO_POOL
                PHONE_NUMBER_ASSOCIATED_TO_REGISTRATION PHONE_NUMBER_NOT_ASSOCIATED_TO_POOL
                PHONE_NUMBER_NOT_IN_REGISTRATION_REGION POOL_ASSOCIATED_TO_NOTIFY_CONFIGURATION
                PROTECT_CONFIGURATION_ASSOCIATED_WITH_CONFIGURATION_SET PROTECT_CONFIGURATION_IS_ACCOUNT_DEFAULT
                PROTECT_CONFIGURATION_NOT_ASSOCIATED_WITH_CONFIGURATION_SET
                RCS_AGENT_ALREADY_ASSOCIATED_TO_REGISTRATION_TYPE RCS_AGENT_ASSOCIATED_TO_POOL
                REGISTRATION_ALREADY_SUBMITTED REGISTRATION_NOT_COMPLETE RESOURCE_ALREADY_ASSOCIATED
                RESOURCE_ALREADY_EXISTS RESOURCE_DELETION_NOT_ALLOWED RESOURCE_MODIFICATION_NOT_ALLOWED
                RESOURCE_NOT_EMPTY SELF_MANAGED_OPT_OUTS_MISMATCH SENDER_ID_ASSOCIATED_TO_POOL
                SUBMIT_REGISTRATION_VERSION_NOT_ALLOWED TWO_WAY_CONFIG_MISMATCH VERIFICATION_ALREADY_COMPLETE
                VERIFICATION_CODE_EXPIRED
            """,
        ),
        "ServiceQuotaExceededException": _table(
            stop="MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT",
            # A pool may hold an RCS agent; then this budget is spent although the text budget is not.
            failed_identity="MONTHLY_SPEND_LIMIT_REACHED_FOR_RCS",
            failed_unexpected="""
                ASSOCIATIONS_PER_REGISTRATION CONFIGURATION_SETS_PER_ACCOUNT DAILY_DESTINATION_CALL_LIMIT
                DAILY_NOTIFY_TIER_MESSAGE_LIMIT EVENT_DESTINATIONS_PER_CONFIGURATION_SET KEYWORDS_PER_PHONE_NUMBER
                KEYWORDS_PER_POOL MONTHLY_SPEND_LIMIT_REACHED_FOR_MEDIA MONTHLY_SPEND_LIMIT_REACHED_FOR_NOTIFY
                MONTHLY_SPEND_LIMIT_REACHED_FOR_VOICE NOTIFY_CONFIGURATIONS_PER_ACCOUNT OPT_OUT_LISTS_PER_ACCOUNT
                ORIGINATION_IDENTITIES_PER_POOL PHONE_NUMBERS_PER_ACCOUNT PHONE_NUMBERS_PER_REGISTRATION
                POOLS_PER_ACCOUNT PROTECT_CONFIGURATIONS_PER_ACCOUNT RCS_AGENTS_PER_ACCOUNT REGISTRATIONS_PER_ACCOUNT
                REGISTRATION_ATTACHMENTS_CREATED_PER_DAY REGISTRATION_ATTACHMENTS_PER_ACCOUNT
                REGISTRATION_VERSIONS_CREATED_PER_DAY SENDER_IDS_PER_ACCOUNT TAGS_PER_RESOURCE
                VERIFICATION_ATTEMPTS_PER_DAY VERIFIED_DESTINATION_NUMBERS_PER_ACCOUNT
            """,
        ),
        "ValidationException": _table(
            failed_recipient="MAXIMUM_SIZE_EXCEEDED PRICE_OVER_THRESHOLD",
            failed_route="""
                COUNTRY_CODE_MISMATCH COUNTRY_NOT_ENABLED DESTINATION_COUNTRY_BLOCKED
                INTERNATIONAL_SENDING_NOT_SUPPORTED INVALID_IDENTITY_FOR_DESTINATION_COUNTRY SENDER_ID_NOT_REGISTERED
                SENDER_ID_NOT_SUPPORTED SENDER_ID_REQUIRES_REGISTRATION
            """,
            failed_identity="CHANNEL_NOT_ENABLED INVALID_ARN RESOURCE_NOT_ACCESSIBLE",
            # The first two of these depend on Fields, see `_validation`; this is what they are without any.
            stop="""
                FIELD_VALIDATION_FAILED INVALID_PARAMETER CANNOT_PARSE INVALID_REQUEST MISSING_PARAMETER
                PARAMETERS_CANNOT_BE_USED_TOGETHER UNKNOWN_OPERATION UNSPECIFIED_PARAMETER_NOT_SUPPORTED
            """,
            failed_unexpected="""
                ATTACHMENT_TYPE_NOT_SUPPORTED CANNOT_ADD_OPTED_OUT_NUMBER INVALID_FILTER_VALUES INVALID_NEXT_TOKEN
                INVALID_REGISTRATION_ASSOCIATION MEDIA_TYPE_NOT_SUPPORTED OTHER PHONE_NUMBER_CANNOT_BE_OPTED_IN
                PHONE_NUMBER_CANNOT_BE_RELEASED REGISTRATION_FIELD_CANNOT_BE_DELETED
                REQUESTED_SPEND_LIMIT_HIGHER_THAN_SERVICE_LIMIT TWO_WAY_CHANNEL_NOT_PRESENT TWO_WAY_NOT_ENABLED
                TWO_WAY_NOT_SUPPORTED_IN_COUNTRY TWO_WAY_NOT_SUPPORTED_IN_REGION TWO_WAY_TOPIC_NOT_PRESENT
                UNKNOWN_REGISTRATION_FIELD UNKNOWN_REGISTRATION_SECTION UNKNOWN_REGISTRATION_TYPE
                UNKNOWN_REGISTRATION_VERSION VERIFICATION_CODE_MISMATCH VOICE_CAPABILITY_NOT_AVAILABLE
            """,
        ),
    }
)

RESOURCE_TYPES: Mapping[str, OutcomeKind] = MappingProxyType(
    {
        "phone-number": _IDENTITY,
        "sender-id": _IDENTITY,
        "pool": _IDENTITY,
        "rcs-agent": _IDENTITY,
        "configuration-set": _STOP,
        "protect-configuration": _STOP,
        "account": _STOP,
    }
)
"""ResourceNotFoundException has no Reason; what was not found decides. The enum's other types are unexpected."""

CREDENTIAL_CODES = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "InvalidSignatureException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
        "InvalidClientTokenId",
        "InvalidAccessKeyId",
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "NotAuthorized",
        "OptInRequired",
        "AuthFailure",
    }
)
"""Rejected before the operation is looked at (AWS: "Common errors"), so known not sent."""

THROTTLING_CODES = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
)
"""ThrottlingException is the service's own; the others are what the layers before it answer, by the same source."""

MAX_SKEW_S = 240.0
"""Seconds that this machine's clock may be off before a rejected signature is put down to it. The service allows about
five minutes; what is lost by looking a minute earlier is nothing, as only rejections are looked at."""

_DIGITS = re.compile(r"\+?\d(?:[ ).-]{0,2}\d){6,}")


def classify(fault: Fault, *, text: str = "") -> Outcome:
    """Say what follows from `fault`.

    `text` is the message that was being sent; should the service quote it, the quotation is left out of the outcome,
    and so is whatever looks like a phone number. A clock that is off (`MAX_SKEW_S`) explains rejected credentials.
    """
    kind = _kind(fault)
    if kind is OutcomeKind.CREDENTIALS and abs(fault.clock_ahead_s) > MAX_SKEW_S:
        side = "behind" if fault.clock_ahead_s > 0 else "ahead of"
        told = f"this machine's clock is {abs(fault.clock_ahead_s):,.0f} s {side} the service's"
        # Newer credentials would be rejected too, so nobody need look for them.
        return Outcome(_STOP, "clock_skew", None, fault.code, told)
    message = fault.message.replace(text, "[text]") if text else fault.message
    reason = fault.reason.lower() if fault.reason else None
    return Outcome(
        kind=kind,
        reason=reason or _fallback_reason(fault),
        error_code=fault.code or fault.transport,
        error_message=_DIGITS.sub("[number]", message)[:500] or None,
    )


def _kind(fault: Fault) -> OutcomeKind:
    if not fault.released:
        return OutcomeKind.NOT_SENT
    if fault.code is None:
        return OutcomeKind.UNKNOWN
    if fault.code in THROTTLING_CODES:
        return OutcomeKind.THROTTLED
    if fault.code in CREDENTIAL_CODES:
        return OutcomeKind.CREDENTIALS
    if fault.code == "InternalServerException":
        return OutcomeKind.UNKNOWN
    if fault.http_status == 503:
        # What a front end answers that found nobody to hand the request to: not sent, and no fault of our pace.
        return OutcomeKind.TRY_AGAIN
    if (fault.http_status or 0) >= 500:
        return OutcomeKind.UNKNOWN
    if fault.code.isdigit():
        return _unnamed(int(fault.code))
    if fault.code == "ResourceNotFoundException":
        return RESOURCE_TYPES.get(fault.resource_type or "", _UNEXPECTED)
    if fault.code == "ValidationException":
        return _validation(fault)
    if fault.code in ("AccessDeniedException", "AccessDenied"):
        return _STOP  # with a Reason the account, without one a plain refusal by IAM: neither gets better by itself
    return REASONS.get(fault.code, {}).get(fault.reason or "", _UNEXPECTED)


def _unnamed(status: int) -> OutcomeKind:
    """An answer without a name for the error: a proxy's or a load balancer's, which no list of rows may be burnt on."""
    if status == 429:
        return OutcomeKind.THROTTLED
    return OutcomeKind.UNKNOWN if status == 408 else _STOP


def _validation(fault: Fault) -> OutcomeKind:
    if fault.reason in ("FIELD_VALIDATION_FAILED", "INVALID_PARAMETER") and fault.fields:
        if fault.fields <= ROW_FIELDS:
            return _RECIPIENT
        if fault.fields <= ROW_FIELDS | {"OriginationIdentity"}:
            return _IDENTITY
        return _STOP
    return REASONS["ValidationException"].get(fault.reason or "", _UNEXPECTED)


def _fallback_reason(fault: Fault) -> str:
    if fault.transport:
        return fault.transport
    if fault.code in THROTTLING_CODES:
        return "throttled"
    if fault.resource_type:
        return f"{fault.resource_type.replace('-', '_')}_not_found"
    if fault.code:
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", fault.code.removesuffix("Exception")).lower()
    return "no_answer"
