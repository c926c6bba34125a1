import botocore.session
import pytest

from bulksend.base.records import OutcomeKind
from bulksend.send.classify import CREDENTIAL_CODES, REASONS, RESOURCE_TYPES, classify
from bulksend.send.fault import Fault


def outcome_of(code: str, reason: str | None = None, *, fields: tuple[str, ...] = (), status: int = 400) -> OutcomeKind:
    """The kind that an answer of the service is classified as."""
    fault = Fault(released=True, code=code, reason=reason, fields=frozenset(fields), http_status=status)
    return classify(fault).kind


@pytest.mark.parametrize("exception", sorted(REASONS))
def test_every_reason_of_the_service_model_is_in_the_table_once(exception: str) -> None:
    """The table is exhaustive over the reason enum of each exception, and has nothing besides."""
    model = botocore.session.get_session().get_service_model("pinpoint-sms-voice-v2")
    assert set(model.shape_for(f"{exception}Reason").enum) == set(REASONS[exception])


def test_every_error_of_the_operation_is_handled() -> None:
    """Each exception that SendTextMessage declares leads somewhere else than to the rule for unknown ones."""
    model = botocore.session.get_session().get_service_model("pinpoint-sms-voice-v2")
    declared = {shape.name for shape in model.operation_model("SendTextMessage").error_shapes}
    assert declared == {*REASONS, "ThrottlingException", "InternalServerException", "ResourceNotFoundException"}


def test_resource_types_exist_in_the_service_model() -> None:
    """The table of what was not found uses the service's own names."""
    model = botocore.session.get_session().get_service_model("pinpoint-sms-voice-v2")
    assert set(RESOURCE_TYPES) <= set(model.shape_for("ResourceType").enum)


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        ("ConflictException", "DESTINATION_PHONE_NUMBER_OPTED_OUT", OutcomeKind.FAILED_RECIPIENT),
        ("ConflictException", "DESTINATION_PHONE_NUMBER_NOT_VERIFIED", OutcomeKind.FAILED_RECIPIENT),
        ("ValidationException", "PRICE_OVER_THRESHOLD", OutcomeKind.FAILED_RECIPIENT),
        ("ConflictException", "NO_ORIGINATION_IDENTITIES_FOUND", OutcomeKind.FAILED_ROUTE),
        ("ConflictException", "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION", OutcomeKind.FAILED_ROUTE),
        ("ValidationException", "COUNTRY_NOT_ENABLED", OutcomeKind.FAILED_ROUTE),
        ("ConflictException", "RESOURCE_NOT_ACTIVE", OutcomeKind.FAILED_IDENTITY),
        ("ValidationException", "RESOURCE_NOT_ACCESSIBLE", OutcomeKind.FAILED_IDENTITY),
        ("ServiceQuotaExceededException", "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT", OutcomeKind.STOP),
        ("AccessDeniedException", "ACCOUNT_DISABLED", OutcomeKind.STOP),
        ("AccessDeniedException", None, OutcomeKind.STOP),
        ("ValidationException", "MISSING_PARAMETER", OutcomeKind.STOP),
        ("ValidationException", "OTHER", OutcomeKind.FAILED_UNEXPECTED),
        ("ConflictException", "A_REASON_OF_NEXT_YEAR", OutcomeKind.FAILED_UNEXPECTED),
        ("AnExceptionOfNextYear", None, OutcomeKind.FAILED_UNEXPECTED),
        ("ThrottlingException", None, OutcomeKind.THROTTLED),
        ("InternalServerException", None, OutcomeKind.UNKNOWN),
    ],
)
def test_each_class_of_refusal(code: str, reason: str | None, kind: OutcomeKind) -> None:
    """One example or more of every row of the table of outcomes."""
    assert outcome_of(code, reason) is kind


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        (("DestinationPhoneNumber",), OutcomeKind.FAILED_RECIPIENT),
        (("MessageBody", "Context"), OutcomeKind.FAILED_RECIPIENT),
        (("OriginationIdentity",), OutcomeKind.FAILED_IDENTITY),
        (("ConfigurationSetName",), OutcomeKind.STOP),
        (("MessageBody", "ConfigurationSetName"), OutcomeKind.STOP),
        ((), OutcomeKind.STOP),
    ],
)
@pytest.mark.parametrize("reason", ["FIELD_VALIDATION_FAILED", "INVALID_PARAMETER"])
def test_a_bad_field_condemns_what_it_belongs_to(reason: str, fields: tuple[str, ...], kind: OutcomeKind) -> None:
    """A field of the row fails the row, one of the campaign stops the campaign."""
    assert outcome_of("ValidationException", reason, fields=fields) is kind


@pytest.mark.parametrize(
    ("resource", "kind"),
    [
        ("phone-number", OutcomeKind.FAILED_IDENTITY),
        ("sender-id", OutcomeKind.FAILED_IDENTITY),
        ("pool", OutcomeKind.FAILED_IDENTITY),
        ("configuration-set", OutcomeKind.STOP),
        ("protect-configuration", OutcomeKind.STOP),
        ("keyword", OutcomeKind.FAILED_UNEXPECTED),
    ],
)
def test_what_was_not_found_decides(resource: str, kind: OutcomeKind) -> None:
    """A missing identity stops the identity, a missing configuration set the campaign."""
    fault = Fault(released=True, code="ResourceNotFoundException", resource_type=resource, http_status=400)
    outcome = classify(fault)
    assert outcome.kind is kind
    assert outcome.reason == f"{resource.replace('-', '_')}_not_found"


@pytest.mark.parametrize("code", sorted(CREDENTIAL_CODES))
def test_rejected_credentials_are_known_not_sent(code: str) -> None:
    """They are looked up once more before anything stops."""
    assert outcome_of(code) is OutcomeKind.CREDENTIALS


@pytest.mark.parametrize("code", sorted(CREDENTIAL_CODES))
@pytest.mark.parametrize(("ahead_s", "side"), [(7200.4, "behind"), (-241.0, "ahead of")])
def test_a_clock_that_is_off_explains_rejected_credentials(code: str, ahead_s: float, side: str) -> None:
    """No other credentials are looked for; the message says by how much and on which side."""
    outcome = classify(Fault(released=True, code=code, http_status=400, clock_ahead_s=ahead_s))
    assert (outcome.kind, outcome.reason, outcome.error_code) == (OutcomeKind.STOP, "clock_skew", code)
    assert outcome.error_message == f"this machine's clock is {abs(ahead_s):,.0f} s {side} the service's"


@pytest.mark.parametrize(
    ("code", "ahead_s", "kind"),
    [
        ("InvalidSignatureException", 240.0, OutcomeKind.CREDENTIALS),
        ("InvalidSignatureException", -240.0, OutcomeKind.CREDENTIALS),
        ("ThrottlingException", 7200.0, OutcomeKind.THROTTLED),
        ("AccessDeniedException", 7200.0, OutcomeKind.STOP),
    ],
)
def test_a_clock_is_not_blamed_for_anything_else(code: str, ahead_s: float, kind: OutcomeKind) -> None:
    """Within four minutes, or where the signature was not the matter."""
    outcome = classify(Fault(released=True, code=code, http_status=400, clock_ahead_s=ahead_s))
    assert outcome.kind is kind
    assert outcome.reason != "clock_skew"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, OutcomeKind.UNKNOWN),
        (502, OutcomeKind.UNKNOWN),
        (503, OutcomeKind.TRY_AGAIN),
        (429, OutcomeKind.THROTTLED),
        (408, OutcomeKind.UNKNOWN),
        (302, OutcomeKind.STOP),
        (403, OutcomeKind.STOP),
        (404, OutcomeKind.STOP),
    ],
)
def test_answers_without_a_name(status: int, kind: OutcomeKind) -> None:
    """5xx may have been sent, except 503, where nobody took the request; a proxy's 4xx must not fail a whole list."""
    assert outcome_of(str(status), status=status) is kind


def test_an_internal_error_with_status_503_is_still_unknown() -> None:
    """The exception's name says more than the status."""
    assert outcome_of("InternalServerException", status=503) is OutcomeKind.UNKNOWN


@pytest.mark.parametrize("transport", ["read_timeout", "connection_lost", "unreadable_answer"])
def test_no_answer_after_release_is_unknown(transport: str) -> None:
    """Once on the wire, only an answer tells."""
    outcome = classify(Fault(released=True, transport=transport))
    assert (outcome.kind, outcome.reason) == (OutcomeKind.UNKNOWN, transport)


@pytest.mark.parametrize("transport", ["connect_timeout", "connection_failed", "not_prepared"])
def test_nothing_before_release_was_sent(transport: str) -> None:
    """DNS, connect and TLS failures are known not sent."""
    outcome = classify(Fault(released=False, transport=transport))
    assert (outcome.kind, outcome.reason) == (OutcomeKind.NOT_SENT, transport)


def test_texts_and_numbers_do_not_get_into_the_record() -> None:
    """Whatever the service quotes, the outcome has neither the message nor a full number."""
    text = "Your code is 123456"
    fault = Fault(
        released=True, code="ValidationException", message=f"bad body '{text}' for +1 425-555-0100 (14255550100)"
    )
    message = classify(fault, text=text).error_message
    assert message == "bad body '[text]' for [number] ([number])"
