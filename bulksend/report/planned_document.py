"""A plan as `plan --json` prints it."""

from datetime import datetime

from bulksend.base.mask import mask_number
from bulksend.config.model import Settings
from bulksend.pipeline.advice import advise
from bulksend.pipeline.finishing import finish_of
from bulksend.pipeline.forcing import Saved
from bulksend.pipeline.plan import Plan
from bulksend.pipeline.pricing import plain
from bulksend.pipeline.suggestions import Suggestions, suggestions_of
from bulksend.report.advised import another_warning, warnings
from bulksend.report.planned_times import late_sentences

MOST_CHARACTERS = 100
"""So many characters that force UCS-2 are named, those of most messages; `others` counts the rest."""


def plan_document(
    settings: Settings, plan: Plan, *, now: datetime | None = None, suggest: bool = False, samples: bool = False
) -> dict[str, object]:
    """A plan as `plan --json` prints it (REFERENCE, "JSON").

    Args:
        settings: of the campaign.
        plan: made by them.
        now: to say when it would be done; None: those fields are null.
        suggest: whether to say what could be written otherwise.
        samples: whether to show some messages, with their texts.
    """
    totals = plan.totals
    advice = advise(settings, totals)
    another = advice.another
    finish = finish_of(settings, totals, now=now) if now is not None and totals.sendable else None
    late = list(late_sentences(finish, totals)) if finish is not None else []
    document = totals.document() | {
        "skipped_rows": {reason: example.rows for reason, example in totals.skipped.items()},
        "auto_buckets": sorted(auto_buckets(settings)),
        "another_identity": None
        if another is None
        else {
            "like": another.like,
            "type": another.type,
            "mps": another.mps,
            "countries": list(another.countries),
            "eta_seconds": round(another.eta_seconds, 1),
            "warning": another_warning(another),
        },
        "warnings": [*warnings(advice), *late],
        "notes": list(plan.notes),
        "begins_at": _time(finish.begins_at if finish else None),
        "finish_at": _time(finish.ends_at if finish else None),
        "finish_at_by_bucket": {name: _time(at) for name, at in finish.buckets.items()} if finish else {},
        "parts_left": dict(finish.parts_left) if finish else {},
        "ucs2": _ucs2(plan, suggestions_of(totals), suggest=suggest),
        "cost": None if plan.cost is None else plan.cost.document(),
    }
    if samples:
        document["samples"] = [
            {
                "row": one.row.row,
                "why": one.why,
                "destination": mask_number(one.row.destination),
                "country": one.row.country,
                "identity": one.row.identity,
                "encoding": one.row.encoding.value if one.row.encoding else None,
                "parts": one.row.parts,
                "text": one.row.text,
            }
            for one in totals.examples.shown()
        ]
    return document


def auto_buckets(settings: Settings) -> frozenset[str]:
    """Buckets whose limit is the account's to tell: that of a plan is an assumption."""
    records = zip(settings.identities, settings.identity_records(), strict=True)
    return frozenset(record.bucket for one, record in records if one.is_auto)


def _ucs2(plan: Plan, suggestions: Suggestions, *, suggest: bool) -> dict[str, object]:
    forcing = plan.totals.forcing
    characters: list[dict[str, object]] = []
    for one in suggestions.characters[:MOST_CHARACTERS]:
        character: dict[str, object] = {
            "character": one.character,
            "code_point": one.code_point,
            "name": one.name,
            "messages": one.forced.messages,
            "first_row": one.forced.first_row,
            "in": one.source.value,
        }
        characters.append(character | ({"replacement": one.replacement} if suggest else {}))
    money = plan.cost.saved if plan.cost is not None else None
    document: dict[str, object] = {
        "messages": forcing.messages,
        "parts": forcing.parts,
        "characters": characters,
        "others": len(suggestions.characters) - len(characters),
        "left_alone": forcing.registered,
        "saves": _saved(suggestions.saved)
        | {"low_usd": plain(money.low) if money else None, "high_usd": plain(money.high) if money else None},
        "saves_by_template": _saved(suggestions.saved_by_template),
    }
    return document | ({"suggested_template": suggestions.template} if suggest else {})


def _saved(saved: Saved) -> dict[str, object]:
    return {"messages": saved.messages, "parts": saved.parts}


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="seconds")
