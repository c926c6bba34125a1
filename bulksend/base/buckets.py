"""What the limits of a list of identities are called, in a campaign and in the simulator alike."""

from collections import Counter
from collections.abc import Collection, Sequence


def bucket_names(listed: Sequence[tuple[str, Collection[str], str]]) -> tuple[str, ...]:
    """Return the bucket of each entry of a list of identities, in its order.

    Args:
        listed: id, countries and named bucket of every entry; "": it names none. That one has a bucket of its own, with
            its id for a name. Where the id is listed more than once, its countries belong to the name, in alphabetical
            order: "ACME/GB", "ACME/DE+FR".
    """
    times = Counter(id for id, _, _ in listed)  # noqa: A001 - the word of the configuration and of AWS
    return tuple(
        bucket or (f"{id}/{'+'.join(sorted(countries))}" if times[id] > 1 and countries else id)
        for id, countries, bucket in listed  # noqa: A001 - as above
    )
