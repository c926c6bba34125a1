"""What to do about a refusal that stops everything, of whatever operation."""

_RENEW = "log in again, or renew the credentials"
_ASK = "ask AWS support"

_HINTS = {
    **dict.fromkeys(
        (
            "auth_failure",
            "expired_token",
            "incomplete_signature",
            "invalid_access_key_id",
            "invalid_client_token_id",
            "invalid_signature",
            "missing_authentication_token",
            "no_credentials",
            "not_authorized",
            "request_expired",
            "signature_does_not_match",
            "unrecognized_client",
        ),
        _RENEW,
    ),
    "opt_in_required": "sign this account up for the service",
    "account_disabled": _ASK,
    "insufficient_account_reputation": _ASK,
    "monthly_spend_limit_reached_for_text": "raise the spend limit",
    "clock_skew": "set this machine's clock",
}


def refusal_hint(reason: str | None, action: str) -> str:
    """What puts a refusal right, in the imperative and without a full stop; what to do then is the caller's to say.

    Args:
        reason: of the outcome (`send/classify.py`).
        action: that was refused, as IAM calls it.
    """
    if reason == "access_denied":
        return f"allow {action} (config/iam-policy.json)"
    return _HINTS.get(reason or "", "put this right")
