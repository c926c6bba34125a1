"""The operations that only tell what the account holds."""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import cast

from phonenumbers import SUPPORTED_REGIONS

from bulksend.simulator.directory import Directory, Identity, Pool
from bulksend.simulator.faults import not_found
from bulksend.simulator.limits import BucketLimits
from bulksend.simulator.pages import Item, matching, page
from bulksend.simulator.recipients import Recipients
from bulksend.simulator.requests import REQUESTS
from bulksend.simulator.settings import SimulatorSettings
from bulksend.simulator.shapes import check

Params = Mapping[str, object]

CREATED_AT_S = 1_735_689_600
"""When everything here was made: 1 January 2025, UTC, in seconds since 1970."""

_SMS = "SMS"
_MAX_SPEND_USD = 1_000_000
_SPEND_LIMITS = ("TEXT", "VOICE", "MEDIA", "NOTIFY", "RCS")


class Descriptions:
    """Answers the Describe, List and Get calls from the settings, and with the limits of the moment."""

    def __init__(
        self, settings: SimulatorSettings, *, directory: Directory, limits: BucketLimits, recipients: Recipients
    ) -> None:
        self._settings = settings
        self._directory = directory
        self._limits = limits
        self._recipients = recipients
        self.operations: Mapping[str, Callable[[Params], dict[str, object]]] = MappingProxyType(
            {
                "DescribePhoneNumbers": self._phone_numbers,
                "DescribeSenderIds": self._sender_ids,
                "DescribePools": self._pools,
                "ListPoolOriginationIdentities": self._pool_members,
                "DescribeOptedOutNumbers": self._opted_out_numbers,
                "DescribeOptOutLists": self._opt_out_lists,
                "DescribeAccountAttributes": self._account_attributes,
                "DescribeSpendLimits": self._spend_limits,
                "DescribeConfigurationSets": self._configuration_sets,
                "GetProtectConfigurationCountryRuleSet": self._country_rules,
            }
        )

    def answer(self, operation: str, params: Params) -> dict[str, object]:
        """Return the result of one of `operations`.

        Raises:
            ServiceFault: ValidationException, ResourceNotFoundException.
        """
        check(REQUESTS[operation], params)
        return self.operations[operation](params)

    def _phone_numbers(self, params: Params) -> dict[str, object]:
        numbers = [each for each in self._directory.identities if each.resource_type == "phone-number"]
        asked = cast("Sequence[str]", params.get("PhoneNumberIds") or ())
        if asked:
            numbers = [_named(each, numbers, "phone-number") for each in asked]
        items = matching([_phone_number(each, self._limit(each)) for each in numbers], params)
        return page("DescribePhoneNumbers", "PhoneNumbers", items, params)

    def _sender_ids(self, params: Params) -> dict[str, object]:
        senders = [each for each in self._directory.identities if each.resource_type == "sender-id"]
        asked = cast("Sequence[Mapping[str, str]]", params.get("SenderIds") or ())
        if asked:
            senders = [
                _named(each["SenderId"], [one for one in senders if one.country == each["IsoCountryCode"]], "sender-id")
                for each in asked
            ]
        items = matching([_sender_id(each, self._limit(each)) for each in senders], params)
        return page("DescribeSenderIds", "SenderIds", items, params)

    def _pools(self, params: Params) -> dict[str, object]:
        asked = cast("Sequence[str]", params.get("PoolIds") or ())
        pools = [self._pool(each) for each in asked] if asked else list(self._directory.pools)
        return page("DescribePools", "Pools", matching([_pool(each) for each in pools], params), params)

    def _pool_members(self, params: Params) -> dict[str, object]:
        pool = self._pool(cast("str", params["PoolId"]))
        items = matching([_member(each) for each in pool.members], params)
        members = page("ListPoolOriginationIdentities", "OriginationIdentities", items, params)
        return {"PoolArn": pool.arn, "PoolId": pool.settings.id, **members}

    def _opted_out_numbers(self, params: Params) -> dict[str, object]:
        name = self._opt_out_list(cast("str", params["OptOutListName"]))
        numbers = self._recipients.opt_out_lists[name]
        asked = cast("Sequence[str]", params.get("OptedOutNumbers") or ())
        for each in asked:
            if each not in numbers:
                raise not_found("opted-out-number", each)
        items = matching(
            [
                {"OptedOutNumber": each, "OptedOutTimestamp": CREATED_AT_S, "EndUserOptedOut": True}
                for each in asked or sorted(numbers)
            ],
            params,
        )
        found = page("DescribeOptedOutNumbers", "OptedOutNumbers", items, params)
        return {"OptOutListArn": self._directory.arn("opt-out-list", name), "OptOutListName": name, **found}

    def _opt_out_lists(self, params: Params) -> dict[str, object]:
        asked = cast("Sequence[str]", params.get("OptOutListNames") or ())
        names = [self._opt_out_list(each) for each in asked] or sorted(self._recipients.opt_out_lists)
        items = [
            {
                "OptOutListArn": self._directory.arn("opt-out-list", name),
                "OptOutListName": name,
                "CreatedTimestamp": CREATED_AT_S,
            }
            for name in names
        ]
        return page("DescribeOptOutLists", "OptOutLists", matching(items, params), params)

    def _account_attributes(self, params: Params) -> dict[str, object]:
        items = [{"Name": "ACCOUNT_TIER", "Value": self._settings.account.tier.upper()}]
        if self._recipients.default_protect is not None:
            items.append({"Name": "DEFAULT_PROTECT_CONFIGURATION_ID", "Value": self._recipients.default_protect.id})
        return page("DescribeAccountAttributes", "AccountAttributes", items, params)

    def _spend_limits(self, params: Params) -> dict[str, object]:
        text_limit = math.ceil(self._settings.spend.limit_usd)
        items: list[Item] = []
        for channel in _SPEND_LIMITS:
            limit = text_limit if channel == "TEXT" and text_limit else _MAX_SPEND_USD
            items.append(
                {
                    "Name": f"{channel}_MESSAGE_MONTHLY_SPEND_LIMIT",
                    "EnforcedLimit": limit,
                    "MaxLimit": max(limit, _MAX_SPEND_USD),
                    "Overridden": limit != _MAX_SPEND_USD,
                }
            )
        return page("DescribeSpendLimits", "SpendLimits", items, params)

    def _configuration_sets(self, params: Params) -> dict[str, object]:
        known = self._recipients.configuration_sets
        asked = cast("Sequence[str]", params.get("ConfigurationSetNames") or ())
        items: list[Item] = []
        for given in asked or known:
            each = known.get(self._directory.bare_id("configuration-set", given))
            if each is None:
                raise not_found("configuration-set", given)
            item: dict[str, object] = {
                "ConfigurationSetArn": self._directory.arn("configuration-set", each.name),
                "ConfigurationSetName": each.name,
                "EventDestinations": [],
                "CreatedTimestamp": CREATED_AT_S,
            }
            if each.message_type:
                item["DefaultMessageType"] = each.message_type
            if each.protect_configuration_id:
                item["ProtectConfigurationId"] = each.protect_configuration_id
            items.append(item)
        return page("DescribeConfigurationSets", "ConfigurationSets", matching(items, params), params)

    def _country_rules(self, params: Params) -> dict[str, object]:
        given = cast("str", params["ProtectConfigurationId"])
        protect = self._recipients.protects.get(self._directory.bare_id("protect-configuration", given))
        if protect is None:
            raise not_found("protect-configuration", given)
        rules = protect.country_rules if params["NumberCapability"] == _SMS else {}
        return {
            "ProtectConfigurationArn": self._directory.arn("protect-configuration", protect.id),
            "ProtectConfigurationId": protect.id,
            "NumberCapability": params["NumberCapability"],
            "CountryRuleSet": {
                country: {"ProtectStatus": rules.get(country, "ALLOW")} for country in sorted(SUPPORTED_REGIONS)
            },
        }

    def _limit(self, identity: Identity) -> dict[str, object]:
        return {"RateLimits": {_SMS: self._limits.windows[identity.bucket].limit}, "DailyMessageCaps": {}}

    def _pool(self, name: str) -> Pool:
        for pool in self._directory.pools:
            if name in (pool.settings.id, pool.arn):
                return pool
        raise not_found("pool", name)

    def _opt_out_list(self, given: str) -> str:
        name = self._directory.bare_id("opt-out-list", given)
        if name not in self._recipients.opt_out_lists:
            raise not_found("opt-out-list", given)
        return name


def _named(name: str, identities: Sequence[Identity], resource_type: str) -> Identity:
    for identity in identities:
        if name in (identity.resource_id, identity.arn):
            return identity
    raise not_found(resource_type, name)


def _phone_number(identity: Identity, limits: dict[str, object]) -> Item:
    settings = identity.settings
    item: dict[str, object] = {
        "PhoneNumberArn": identity.arn,
        "PhoneNumberId": identity.resource_id,
        "PhoneNumber": identity.name,
        "Status": settings.status,
        "IsoCountryCode": identity.country,
        "MessageType": settings.message_type,
        "NumberCapabilities": [_SMS],
        "NumberType": settings.type.upper(),
        "MonthlyLeasingPrice": "0.00",
        "TwoWayEnabled": False,
        "SelfManagedOptOutsEnabled": False,
        "OptOutListName": settings.opt_out_list,
        "InternationalSendingEnabled": identity.reach != {identity.country},
        "DeletionProtectionEnabled": False,
        "MessagingLimits": limits,
        "CreatedTimestamp": CREATED_AT_S,
    }
    if identity.pool_id is not None:
        item["PoolId"] = identity.pool_id
    if settings.registration_id:
        item["RegistrationId"] = settings.registration_id
    return item


def _sender_id(identity: Identity, limits: dict[str, object]) -> Item:
    settings = identity.settings
    item: dict[str, object] = {
        "SenderIdArn": identity.arn,
        "SenderId": identity.name,
        "IsoCountryCode": identity.country,
        "MessageTypes": list(identity.message_types),
        "MonthlyLeasingPrice": "0.00",
        "DeletionProtectionEnabled": False,
        "Registered": bool(settings.registration_id),
        "MessagingLimits": limits,
    }
    if settings.registration_id:
        item["RegistrationId"] = settings.registration_id
    return item


def _pool(pool: Pool) -> Item:
    settings = pool.settings
    return {
        "PoolArn": pool.arn,
        "PoolId": settings.id,
        "Status": settings.status,
        "MessageType": settings.message_type,
        "TwoWayEnabled": False,
        "SelfManagedOptOutsEnabled": False,
        "OptOutListName": settings.opt_out_list or pool.members[0].settings.opt_out_list,
        "SharedRoutesEnabled": False,
        "DeletionProtectionEnabled": False,
        "CreatedTimestamp": CREATED_AT_S,
    }


def _member(identity: Identity) -> Item:
    item: dict[str, object] = {
        "OriginationIdentityArn": identity.arn,
        "OriginationIdentity": identity.resource_id,
        "IsoCountryCode": identity.country,
        "NumberCapabilities": [_SMS],
    }
    if identity.resource_type == "phone-number":
        item["PhoneNumber"] = identity.name
    return item
