"""Whom the account may text: the sandbox, opt-out lists and protect configurations, in the order that they rank."""

from types import MappingProxyType

from bulksend.simulator.destinations import DESTINATION_SIMULATORS
from bulksend.simulator.directory import Directory
from bulksend.simulator.events import PROTECT_BLOCKED
from bulksend.simulator.faults import conflict, not_found
from bulksend.simulator.resources import DEFAULT_OPT_OUT_LIST, ConfigurationSetSettings, ProtectSettings
from bulksend.simulator.settings import SimulatorSettings


class Recipients:
    """Refuses destinations, as the account's settings say."""

    def __init__(self, settings: SimulatorSettings, directory: Directory) -> None:
        self._directory = directory
        self._is_sandbox = settings.account.tier == "sandbox"
        self._verified = frozenset(settings.account.verified_numbers)
        lists: dict[str, set[str]] = {DEFAULT_OPT_OUT_LIST: set()}
        for each in settings.opt_out_lists:
            lists.setdefault(each.name, set()).update(each.numbers)
        self.opt_out_lists = MappingProxyType({name: frozenset(numbers) for name, numbers in lists.items()})
        self.protects = MappingProxyType({each.id: each for each in settings.protect_configurations})
        self.default_protect = next((each for each in settings.protect_configurations if each.default), None)
        self.configuration_sets = MappingProxyType({each.name: each for each in settings.configuration_sets})

    def configuration_set(self, name: str | None) -> ConfigurationSetSettings | None:
        """Return the configuration set that a request names; None when it names none, or any will do.

        Raises:
            ServiceFault: ResourceNotFoundException.
        """
        if name is None or not self.configuration_sets:
            return None
        found = self.configuration_sets.get(self._directory.bare_id("configuration-set", name))
        if found is None:
            raise not_found("configuration-set", name)
        return found

    def protect(self, named: str | None, configuration_set: ConfigurationSetSettings | None) -> ProtectSettings | None:
        """Return the protect configuration that applies: the request's, the configuration set's, or the account's.

        Raises:
            ServiceFault: ResourceNotFoundException.
        """
        if named is None:
            inherited = configuration_set.protect_configuration_id if configuration_set else ""
            return self.protects[inherited] if inherited else self.default_protect
        if not self.protects:
            return None
        found = self.protects.get(self._directory.bare_id("protect-configuration", named))
        if found is None:
            raise not_found("protect-configuration", named)
        return found

    def admit(
        self, number: str, country: str, *, opt_out_list: str, protect: ProtectSettings | None
    ) -> tuple[str | None, str | None]:
        """Return (protect status, fate of the message) of `number`, which may be texted.

        Number overrides beat country rules; the opt-out list beats both (AWS: "Rule processing"). The fate is None
        unless the message will be held back after it was accepted.

        Raises:
            ServiceFault: ConflictException.
        """
        if self._is_sandbox and number not in self._verified and number not in DESTINATION_SIMULATORS:
            raise conflict("DESTINATION_PHONE_NUMBER_NOT_VERIFIED", "verified-destination-number", number)
        if number in self.opt_out_lists[opt_out_list]:
            raise conflict("DESTINATION_PHONE_NUMBER_OPTED_OUT", "opted-out-number", number)
        if protect is None:
            return None, None
        override = protect.number_overrides.get(number)
        if override == "BLOCK":
            raise conflict(
                "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE", "protect-configuration", protect.id
            )
        rule = override or protect.country_rules.get(country, "ALLOW")
        if rule == "BLOCK":
            raise conflict("DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION", "protect-configuration", protect.id)
        return rule, PROTECT_BLOCKED if rule == "FILTER" else None
