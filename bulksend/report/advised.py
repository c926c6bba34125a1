"""What a plan says of its slowest bucket, of one more identity, and of texts spread over many numbers."""

from collections.abc import Iterator

from bulksend.pipeline.advice import Advice, Another, Spread
from bulksend.pipeline.totals import Bound, BoundKind, PlanTotals
from bulksend.report.words import cut, duration, listed
from bulksend.report.wrapped import folded

_ANOTHER = {
    "short_code": "another short code",
    "toll_free": "another toll-free number",
    "ten_dlc": "a 10DLC number of another campaign",
    "long_code": "another number",
    "sender_id": "another sender id",
}
"""What one more identity would be, by the type of the one that it is like."""


def bound_lines(totals: PlanTotals) -> Iterator[str]:
    """What decides how long the campaign takes, and how far behind the next bucket is."""
    bounds = totals.bounds()
    if not bounds:
        return
    first, following = bounds[0], [bound for bound in bounds[1:] if bound.kind is BoundKind.BUCKET]
    if first.kind is BoundKind.BUCKET and not following:
        return
    sentence = f"{_bound(first, totals)}: {duration(first.seconds)}"
    if following:
        sentence += f"; next is {_bound(following[0], totals)}: {duration(following[0].seconds)}"
    yield from _labelled("Slowest", sentence)


def advice_lines(advice: Advice, totals: PlanTotals) -> Iterator[str]:
    """What would make the campaign faster, and what is to be warned of."""
    for label, sentence in advice_sentences(advice, totals):
        yield from _labelled(label, sentence)


def advice_sentences(advice: Advice, totals: PlanTotals) -> Iterator[tuple[str, str]]:
    """The same as sentences, each with the word that it stands behind."""
    if advice.another is not None:
        yield "Faster", _faster(advice.another, totals.eta_seconds)
    for sentence in warnings(advice):
        yield "Warning", sentence


def warnings(advice: Advice) -> list[str]:
    """What may get the campaign filtered, each in one sentence."""
    return [_spread(spread) for spread in advice.spreads]


def _faster(another: Another, now_s: float) -> str:
    what = _ANOTHER.get(another.type, "another identity")
    where = f" for {listed(another.countries, 6)}" if another.countries else ""
    rate = f"{another.mps:,} part{'' if another.mps == 1 else 's'}/s"
    sentence = f"{what} with {rate} of its own{where} would make it about {duration(another.eta_seconds)}"
    sentence += f" instead of {duration(now_s)}"
    risk = another_warning(another)
    return sentence if risk is None else f"{sentence}; but {risk}"


def another_warning(another: Another) -> str | None:
    """What speaks against one more identity, as one sentence; None for one that is no phone number."""
    if not another.is_number:
        return None
    return "carriers filter the same text from several numbers: rather ask for a higher limit, or use a short code"


def _spread(spread: Spread) -> str:
    instead = (
        "they share a limit, so one is as fast" if spread.one_limit else "use one with a higher limit, or a short code"
    )
    return (
        f"{len(spread.identities)} phone numbers ({listed([short(one) for one in spread.identities], 3)}) send the same"
        f" template to {listed(spread.countries, 6)}: carriers call this snowshoeing and may filter it; {instead}"
    )


def _bound(bound: Bound, totals: PlanTotals) -> str:
    match bound.kind:
        case BoundKind.BUCKET:
            return short(bound.bucket)
        case BoundKind.REQUESTS:
            return f"{totals.sendable:,} requests at pacing.requests_per_second"
        case BoundKind.RECIPIENT:
            return f"one message a second to the number that gets {totals.most_to_one:,} or more"


def short(name: str) -> str:
    """An identity or a bucket in at most 40 characters: of an ARN its end, which tells it from others."""
    return cut(name.partition("/")[2] if name.startswith("arn:") else name, 40)


def _labelled(label: str, text: str) -> Iterator[str]:
    return folded(text, first=f"{label:<9}", others=" " * 9)
