"""The members of a SendTextMessage request and what the service accepts in each.

Source: the service model of `pinpoint-sms-voice-v2` (API version 2022-03-31), the table that botocore ships. botocore
itself checks types and minimum lengths only, so that a wrong pattern, an over-long value or an unknown enum costs a
round trip for every row; a repository test holds this table to botocore's copy of the model.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MAX_CONTEXT_PAIRS = 5
"""Entries of `Context` in one request."""

CONTEXT_CAMPAIGN = "bulksend_campaign"
CONTEXT_ROW = "bulksend_row"
OWN_CONTEXT_KEYS = (CONTEXT_CAMPAIGN, CONTEXT_ROW)
"""The two entries that bulksend adds, so that a delivery event can be traced to its row and attempt."""

MAX_COUNTRY_PARAMETERS = 10
COUNTRY_PARAMETER_KEYS = ("IN_TEMPLATE_ID", "IN_ENTITY_ID")
MESSAGE_TYPES = ("TRANSACTIONAL", "PROMOTIONAL")
MIN_TIME_TO_LIVE_S = 5
MAX_TIME_TO_LIVE_S = 259_200


@dataclass(frozen=True, slots=True)
class TextRule:
    """What the service accepts in one string member: lengths in characters, and a pattern for the whole value."""

    min_length: int
    max_length: int
    pattern: str
    meaning: str

    def breach(self, value: str) -> str | None:
        """Say which rule `value` breaks, as the end of a sentence ("must be ..."); None when it breaks none."""
        if not self.min_length <= len(value) <= self.max_length:
            return f"must be {self.min_length} to {self.max_length} characters long, not {len(value)}"
        if re.fullmatch(self.pattern, value) is None:
            return f"must be {self.meaning}"
        return None


_NAME_OR_ARN = r"[A-Za-z0-9_:/-]+"

TEXT_RULES: Mapping[str, TextRule] = MappingProxyType(
    {
        "DestinationPhoneNumber": TextRule(
            1, 20, r"\+?[1-9][0-9]{1,18}", "a number in E.164 form, such as +14255550100"
        ),
        "OriginationIdentity": TextRule(
            1,
            256,
            r"[A-Za-z0-9_:/\+-]+",
            "a phone number, its id or ARN, a sender id or its ARN, or a pool's id or ARN",
        ),
        "MessageBody": TextRule(1, 1600, r"(?!\s*$)[\s\S]+", "a text with more than white space in it"),
        "Keyword": TextRule(1, 30, r"[ \S]+", "letters, digits, signs and single spaces on one line"),
        "ConfigurationSetName": TextRule(1, 256, _NAME_OR_ARN, "the name or ARN of a configuration set"),
        "MaxPrice": TextRule(
            2, 8, r"[0-9]{0,2}\.[0-9]{1,5}", 'US dollars with a decimal point and at most five decimals, such as "0.05"'
        ),
        "ProtectConfigurationId": TextRule(1, 256, _NAME_OR_ARN, "the id or ARN of a protect configuration"),
        "ContextKey": TextRule(1, 100, r"\S+", "free of white space"),
        "ContextValue": TextRule(1, 800, r"(?!\s)^[\s\S]+(?<!\s)", "free of white space at both ends"),
        "DestinationCountryParameterValue": TextRule(1, 64, r"\S+", "free of white space"),
    }
)
