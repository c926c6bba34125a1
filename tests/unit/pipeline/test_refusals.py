import asyncio

import pytest

from bulksend.base.errors import ServiceStop
from bulksend.base.records import Claim, Outcome, OutcomeKind
from bulksend.pipeline.breakers import UNEXPECTED_IN_A_ROW, Breakers
from bulksend.pipeline.failover import Failover
from bulksend.pipeline.refusals import refusal_hint
from bulksend.send.classify import CREDENTIAL_CODES, classify
from bulksend.send.fault import Fault
from tests.support.fakes import MemoryLedger

SEND = "sms-voice:SendTextMessage"
UNKNOWN = refusal_hint("something_new", SEND)


@pytest.mark.parametrize("code", sorted(CREDENTIAL_CODES))
def test_every_rejection_of_credentials_says_what_to_do(code: str) -> None:
    """By the reason that the table of outcomes gives it."""
    reason = classify(Fault(released=True, code=code, http_status=403)).reason
    assert refusal_hint(reason, SEND) != UNKNOWN


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        *(
            (reason, "log in again, or renew the credentials")
            for reason in (
                "expired_token",
                "unrecognized_client",
                "invalid_signature",
                "invalid_client_token_id",
                "no_credentials",
            )
        ),
        ("account_disabled", "ask AWS support"),
        ("insufficient_account_reputation", "ask AWS support"),
        ("monthly_spend_limit_reached_for_text", "raise the spend limit"),
        ("access_denied", f"allow {SEND} (config/iam-policy.json)"),
        ("clock_skew", "set this machine's clock"),
        (None, UNKNOWN),
    ],
)
def test_a_known_refusal_has_its_own_hint(reason: str | None, words: str) -> None:
    """What people have to do about it, for whatever was refused."""
    assert refusal_hint(reason, SEND) == words


@pytest.mark.parametrize(
    ("kind", "reason", "times"),
    [
        (OutcomeKind.STOP, "expired_token", 1),
        (OutcomeKind.STOP, "access_denied", 1),
        (OutcomeKind.FAILED_UNEXPECTED, "something_new", UNEXPECTED_IN_A_ROW),
    ],
)
def test_a_stopped_campaign_says_what_to_do_before_it_is_resumed(kind: OutcomeKind, reason: str, times: int) -> None:
    """With the hint of the refusal."""
    claim = Claim(1, 1, "+14255550100", "US", "ACME", "ACME", "Hi", 1)
    breakers = Breakers(MemoryLedger([], []), failover=Failover([]), give_up_after_s=900, on_moved=lambda _: None)

    async def refuse() -> None:
        for _ in range(times):
            assert breakers.cause is None
            await breakers.learn(claim, Outcome(kind, reason, None, "SomeException"), now=0.0)

    asyncio.run(refuse())
    assert isinstance(breakers.cause, ServiceStop)
    assert reason in breakers.cause.what
    assert breakers.cause.hint == f"{refusal_hint(reason, SEND)}, then resume"
