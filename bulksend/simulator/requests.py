"""The requests of the operations that are simulated (service model `pinpoint-sms-voice-v2`, 2022-03-31)."""

from collections.abc import Mapping
from types import MappingProxyType

from bulksend.base.request import (
    COUNTRY_PARAMETER_KEYS,
    MAX_CONTEXT_PAIRS,
    MAX_COUNTRY_PARAMETERS,
    MAX_TIME_TO_LIVE_S,
    MESSAGE_TYPES,
    MIN_TIME_TO_LIVE_S,
    TEXT_RULES,
)
from bulksend.simulator.shapes import Choice, Flag, Integer, Items, Pairs, Shape, Structure, Text, text

_NAME_OR_ARN = text(1, 256, r"[A-Za-z0-9_:/-]+")
_POOL = text(0, 256, r"[A-Za-z0-9_:/-]*")
_NUMBER = Text(TEXT_RULES["DestinationPhoneNumber"])
_COUNTRY = text(2, 2, r"[A-Z]{2}")
_FILTER_VALUES = Items(text(1, 128, r"[/\.:A-Za-z0-9+_-]+"), 1, 20)
_CAPABILITY = Choice(("SMS", "VOICE", "MMS", "RCS"))
_OWNER = Choice(("SELF", "SHARED"))
_PAGE: Mapping[str, Shape] = {"NextToken": text(1, 1024, r".+"), "MaxResults": Integer(1, 100)}


def _filters(*names: str) -> Items:
    pair = Structure({"Name": Choice(names), "Values": _FILTER_VALUES}, frozenset({"Name", "Values"}))
    return Items(pair, 0, 20)


REQUESTS: Mapping[str, Structure] = MappingProxyType(
    {
        "SendTextMessage": Structure(
            {
                "DestinationPhoneNumber": _NUMBER,
                "OriginationIdentity": Text(TEXT_RULES["OriginationIdentity"]),
                "MessageBody": Text(TEXT_RULES["MessageBody"]),
                "MessageType": Choice(MESSAGE_TYPES),
                "Keyword": Text(TEXT_RULES["Keyword"]),
                "ConfigurationSetName": Text(TEXT_RULES["ConfigurationSetName"]),
                "MaxPrice": Text(TEXT_RULES["MaxPrice"]),
                "TimeToLive": Integer(MIN_TIME_TO_LIVE_S, MAX_TIME_TO_LIVE_S),
                "Context": Pairs(Text(TEXT_RULES["ContextKey"]), Text(TEXT_RULES["ContextValue"]), MAX_CONTEXT_PAIRS),
                "DestinationCountryParameters": Pairs(
                    Choice(COUNTRY_PARAMETER_KEYS),
                    Text(TEXT_RULES["DestinationCountryParameterValue"]),
                    MAX_COUNTRY_PARAMETERS,
                ),
                "DryRun": Flag(),
                "ProtectConfigurationId": Text(TEXT_RULES["ProtectConfigurationId"]),
                "MessageFeedbackEnabled": Flag(),
            },
            frozenset({"DestinationPhoneNumber"}),
        ),
        "DescribePhoneNumbers": Structure(
            {
                "PhoneNumberIds": Items(_NAME_OR_ARN, 0, 5),
                "Filters": _filters(
                    "status",
                    "iso-country-code",
                    "message-type",
                    "number-capability",
                    "number-type",
                    "two-way-enabled",
                    "self-managed-opt-outs-enabled",
                    "opt-out-list-name",
                    "deletion-protection-enabled",
                    "two-way-channel-arn",
                ),
                "Owner": _OWNER,
                **_PAGE,
            }
        ),
        "DescribeSenderIds": Structure(
            {
                "SenderIds": Items(
                    Structure(
                        {"SenderId": _NAME_OR_ARN, "IsoCountryCode": _COUNTRY},
                        frozenset({"SenderId", "IsoCountryCode"}),
                    ),
                    0,
                    5,
                ),
                "Filters": _filters(
                    "sender-id", "iso-country-code", "message-type", "deletion-protection-enabled", "registered"
                ),
                "Owner": _OWNER,
                **_PAGE,
            }
        ),
        "DescribePools": Structure(
            {
                "PoolIds": Items(_POOL, 0, 5),
                "Filters": _filters(
                    "status",
                    "message-type",
                    "two-way-enabled",
                    "self-managed-opt-outs-enabled",
                    "opt-out-list-name",
                    "shared-routes-enabled",
                    "deletion-protection-enabled",
                    "two-way-channel-arn",
                ),
                "Owner": _OWNER,
                **_PAGE,
            }
        ),
        "ListPoolOriginationIdentities": Structure(
            {"PoolId": _POOL, "Filters": _filters("iso-country-code", "number-capability"), **_PAGE},
            frozenset({"PoolId"}),
        ),
        "DescribeOptedOutNumbers": Structure(
            {
                "OptOutListName": _NAME_OR_ARN,
                "OptedOutNumbers": Items(_NUMBER, 0, 5),
                "Filters": _filters("end-user-opted-out"),
                **_PAGE,
            },
            frozenset({"OptOutListName"}),
        ),
        "DescribeOptOutLists": Structure({"OptOutListNames": Items(_NAME_OR_ARN, 0, 5), "Owner": _OWNER, **_PAGE}),
        "DescribeAccountAttributes": Structure({**_PAGE}),
        "DescribeSpendLimits": Structure({**_PAGE}),
        "DescribeConfigurationSets": Structure(
            {
                "ConfigurationSetNames": Items(_NAME_OR_ARN, 0, 5),
                "Filters": _filters(
                    "event-destination-name",
                    "matching-event-types",
                    "default-message-type",
                    "default-sender-id",
                    "default-message-feedback-enabled",
                    "protect-configuration-id",
                ),
                **_PAGE,
            }
        ),
        "GetProtectConfigurationCountryRuleSet": Structure(
            {"ProtectConfigurationId": _NAME_OR_ARN, "NumberCapability": _CAPABILITY},
            frozenset({"ProtectConfigurationId", "NumberCapability"}),
        ),
        "PutMessageFeedback": Structure(
            {
                "MessageId": text(1, 64, r"[A-Za-z0-9_:/-]+"),
                "MessageFeedbackStatus": Choice(("RECEIVED", "FAILED")),
            },
            frozenset({"MessageId", "MessageFeedbackStatus"}),
        ),
    }
)
"""Operation -> what its input may be; an operation that is not here is not simulated."""
