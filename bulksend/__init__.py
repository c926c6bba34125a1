"""Bulk SMS through AWS End User Messaging: every message at the limit, every row accounted for.

What a program needs is here, and is loaded when it is first asked for: `Campaign`, `plan`, `send`, `resume`, `status`
and the types of what they take and return (README, "As a library").
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bulksend.api.campaign import Campaign
    from bulksend.api.hooks import Hooks
    from bulksend.api.notices import Notice
    from bulksend.api.planning import CampaignPlan, plan
    from bulksend.api.progress import Progress
    from bulksend.api.run import Question
    from bulksend.api.sending import resume, send
    from bulksend.api.summary import CampaignStopped, Summary, status
    from bulksend.api.threads import Interrupted
    from bulksend.base.errors import BulksendError, CampaignChanged, ConfigError, InputError, LedgerError, UsageError

__version__ = "0.1.0"

__all__ = [
    "BulksendError",
    "Campaign",
    "CampaignChanged",
    "CampaignPlan",
    "CampaignStopped",
    "ConfigError",
    "Hooks",
    "InputError",
    "Interrupted",
    "LedgerError",
    "Notice",
    "Progress",
    "Question",
    "Summary",
    "UsageError",
    "__version__",
    "plan",
    "resume",
    "send",
    "status",
]

_HOMES = {
    "api.campaign": ("Campaign",),
    "api.hooks": ("Hooks",),
    "api.notices": ("Notice",),
    "api.planning": ("CampaignPlan", "plan"),
    "api.progress": ("Progress",),
    "api.run": ("Question",),
    "api.sending": ("resume", "send"),
    "api.summary": ("CampaignStopped", "Summary", "status"),
    "api.threads": ("Interrupted",),
    "base.errors": ("BulksendError", "CampaignChanged", "ConfigError", "InputError", "LedgerError", "UsageError"),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """This package, in which `send` is the function, also when the folder of that name has been imported."""

    @property
    def send(self) -> object:
        """The function."""
        return __getattr__("send")

    @send.setter
    def send(self, module: ModuleType) -> None:
        # Importing a module sets it as an attribute of its package. `from bulksend.send.aws import ...` needs none.
        del module


sys.modules[__name__].__class__ = _Package
