"""What a rehearsal must prove, in numbers that are ready to be written as JSON."""

import msgspec


class ThrottleStats(msgspec.Struct, frozen=True, kw_only=True):
    """Requests that were answered ThrottlingException, by what they were throttled for.

    Attributes:
        identity: the bucket had no room.
        recipient: the recipient had too many messages within the second.
        quota: the account made too many requests (`request_quotas`).
        fault: there was room (`throttle` of `[faults]`).
    """

    identity: int
    recipient: int
    quota: int
    fault: int


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """Messages and parts over all buckets.

    Attributes:
        offered: SendTextMessage requests that arrived, refused ones included.
        offered_parts: their parts, as far as the request could be understood.
        accepted: those that were accepted, whether or not the caller was told.
        parts: parts accepted.
        throttled: those that were answered ThrottlingException.
        throttled_by: they add up to `throttled`.
    """

    offered: int
    offered_parts: int
    accepted: int
    parts: int
    throttled: int
    throttled_by: ThrottleStats


class BucketStats(msgspec.Struct, frozen=True, kw_only=True):
    """One bucket. The fullest windows are exact: no half-open second (t - 1 s, t] of arrival time held more.

    Attributes:
        mps: its limit, in parts per second: the last one, where it changed.
        offered: messages that arrived for it, refused ones included.
        offered_parts: their parts.
        accepted: messages.
        parts: parts accepted.
        throttled: messages answered ThrottlingException for want of room.
        oversized: accepted messages of more parts than `mps`; only they can take `fullest_accepted` above it.
        fullest_accepted: most parts accepted in one second.
        fullest_offered: most parts that arrived in one second; above `mps`, the sender went over the limit.
    """

    mps: int
    offered: int
    offered_parts: int
    accepted: int
    parts: int
    throttled: int
    oversized: int
    fullest_accepted: int
    fullest_offered: int


class RecipientStats(msgspec.Struct, frozen=True, kw_only=True):
    """Messages to one and the same recipient; DryRun is left out.

    Attributes:
        limit: messages that it can be sent in a second; 0: any number.
        fullest_offered: most messages for it that arrived in one second, refused ones included.
    """

    limit: int
    fullest_offered: int


class OtherStats(msgspec.Struct, frozen=True, kw_only=True):
    """What other applications (`[[other_traffic]]`) sent by a bucket.

    Where no request comes for longer than two seconds, what they sent before those two is passed over: nothing of it
    can be felt any more.

    Attributes:
        parts: that were accepted.
        throttled: parts that were not.
    """

    parts: int
    throttled: int


class DuplicateStats(msgspec.Struct, frozen=True, kw_only=True):
    """What came more often than once; DryRun is left out.

    Attributes:
        destination_text: accepted messages whose destination and text were accepted before.
        row: accepted messages whose campaign and row (from Context) were accepted before.
        attempt: messages that arrived, accepted or not, whose campaign, row and attempt had arrived before.
    """

    destination_text: int
    row: int
    attempt: int


class FeedbackStats(msgspec.Struct, frozen=True, kw_only=True):
    """What PutMessageFeedback told.

    Attributes:
        offered: requests that arrived, refused ones included.
        throttled: those that were answered ThrottlingException.
        received: RECEIVED that were taken in.
        failed: FAILED that were taken in.
        repeated: those of both that said of a message what had been said of it before.
        fullest_offered: most requests that arrived in one second.
    """

    offered: int
    throttled: int
    received: int
    failed: int
    repeated: int
    fullest_offered: int


class SimulatorStats(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot; `msgspec.to_builtins` and `msgspec.json.encode` take it as it is.

    Attributes:
        messages: sends without DryRun.
        dry_run: sends with DryRun.
        buckets: bucket -> sends without DryRun; every bucket is there.
        dry_run_buckets: bucket -> sends with DryRun, which have limits and windows of their own.
        recipients: see `RecipientStats`.
        other_traffic: bucket -> see `OtherStats`; the buckets that have some.
        duplicates: see `DuplicateStats`.
        feedback: see `FeedbackStats`.
        errors: "<exception>" or "<exception>/<Reason>" -> answers.
        faults: fault of `[faults]` -> requests it struck.
        requests: operation -> requests.
        concurrent: requests being served now.
        max_concurrent: most requests that were being served at the same time.
        spend_usd: US dollars.
    """

    messages: Traffic
    dry_run: Traffic
    buckets: dict[str, BucketStats]
    dry_run_buckets: dict[str, BucketStats]
    recipients: RecipientStats
    other_traffic: dict[str, OtherStats]
    duplicates: DuplicateStats
    feedback: FeedbackStats
    errors: dict[str, int]
    faults: dict[str, int]
    requests: dict[str, int]
    concurrent: int
    max_concurrent: int
    spend_usd: float
