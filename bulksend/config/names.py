"""Keys as people write them: TOML notation, the variable of a key, the nearest known name."""

import json
import re
from collections.abc import Mapping

ENVIRONMENT_PREFIX = "BULKSEND_"

_BARE = re.compile(r"[A-Za-z0-9_-]{1,80}")
_SECRET = re.compile(r"secret|passw|access_?key|api_?key|session_?token|credential", re.IGNORECASE)


def toml_key(name: str) -> str:
    """Return one part of a key as TOML writes it: bare where that is possible, else quoted; one line, at most 80 long.

    A name that is longer than any key of ours is cut: it may be a value that landed in the wrong place.
    """
    return name if _BARE.fullmatch(name) else json.dumps(name[:80])


def environment_name(key: str) -> str:
    """Return the environment variable of a key: `campaign.max_price` is BULKSEND_CAMPAIGN_MAX_PRICE."""
    return ENVIRONMENT_PREFIX + key.replace(".", "_").upper()


def did_you_mean(name: str, known: Mapping[str, str]) -> str:
    """Return the end of a sentence that names what the nearest of `known` stands for; empty when none is near.

    Args:
        name: the one that is not known.
        known: names to compare it with -> how to show them, such as `headroom` -> `pacing.headroom`.
    """
    # Only errors need it, and loading it takes as long as all of our own modules.
    from difflib import get_close_matches

    by_fold = {one.lower(): shown for one, shown in known.items()}
    near = get_close_matches(name.lower()[:80], by_fold, n=1, cutoff=0.6)
    return f", did you mean {by_fold[near[0]]}?" if near else ""


def looks_secret(name: str) -> bool:
    """Whether a key's name is that of a credential."""
    return _SECRET.search(name) is not None
