"""The statements that change where rows stand. Lists of rows come in as one JSON value, so that one step does all."""

CLAIMABLE = """
SELECT json_group_array(row), json_group_array(parts)
FROM (
    SELECT row, parts FROM states INDEXED BY states_claimable
    WHERE bucket = :bucket AND zone = :zone AND status = 'pending' AND reason IS NULL AND row <= :last
    ORDER BY row LIMIT :rows
)
"""
"""The first pending rows of a bucket and a zone, and their parts: two JSON arrays. How many fit, the caller adds up:
with a window function claims took 0.6 microseconds a row more."""

CLAIMABLE_OF = """
SELECT json_group_array(row), json_group_array(parts)
FROM (
    SELECT row, parts FROM states
    WHERE row IN (SELECT value FROM json_each(:among)) AND bucket = :bucket AND zone = :zone
        AND status = 'pending' AND reason IS NULL AND row <= :last
    ORDER BY row LIMIT :rows
)
"""
"""As `CLAIMABLE`, among certain rows."""

_CLAIMED = """
SELECT json_group_array(
    json_object(
        'row', states.row, 'attempt', attempts + 1, 'destination', destination, 'country', country,
        'identity', identities.name, 'bucket', :name, 'text', text, 'parts', parts, 'lost', lost, 'zone', zone
    )
)
FROM states {index}
CROSS JOIN rows ON rows.row = states.row
CROSS JOIN identities ON identities.id = states.identity
WHERE states.bucket = :bucket AND zone = :zone AND status = 'pending' AND reason IS NULL AND states.row {which}
"""

_CLAIM = """
UPDATE states {index} SET status = 'sending', attempts = attempts + 1, intent_at = :now
WHERE bucket = :bucket AND zone = :zone AND status = 'pending' AND reason IS NULL AND row {which}
"""

_IN_RANGE = {"index": "INDEXED BY states_claimable", "which": "BETWEEN :first AND :last"}
_IN_LIST = {"index": "", "which": "IN (SELECT value FROM json_each(:among))"}

CLAIMED = _CLAIMED.format(**_IN_RANGE)
"""Pending rows of a bucket with the attempt that `CLAIM` begins, as a JSON array of `Claim`s in input order, which
CROSS JOIN keeps to: the index of `states` comes first."""

CLAIM = _CLAIM.format(**_IN_RANGE)

CLAIMED_OF = _CLAIMED.format(**_IN_LIST)
CLAIM_OF = _CLAIM.format(**_IN_LIST)

POSTPONE = """
UPDATE states SET
    status = 'pending', reason = :retry, attempts = attempts - NOT batch.tried,
    intent_at = iif(batch.tried, intent_at, NULL)
FROM (
    SELECT
        json_extract(value, '$[0]') AS row, json_extract(value, '$[1]') AS attempt,
        json_extract(value, '$[2]') AS tried
    FROM json_each(:batch)
) AS batch
WHERE states.row = batch.row AND states.status = 'sending' AND states.attempts = batch.attempt
"""

RETRY = """
UPDATE states SET
    status = 'sending', reason = NULL, attempts = batch.attempt, intent_at = :now,
    lost = iif(states.status = 'unknown', ifnull(states.reason, 'unknown'), lost), error_code = NULL,
    error_message = NULL
FROM (
    SELECT json_extract(value, '$[0]') AS row, json_extract(value, '$[1]') AS attempt FROM json_each(:batch)
) AS batch
WHERE states.row = batch.row AND states.attempts = batch.attempt - 1
    AND ((states.status = 'pending' AND states.reason = :retry) OR states.status = 'unknown')
"""

SETTLE = """
UPDATE states SET
    status = batch.status, reason = batch.reason, message_id = batch.message_id,
    error_code = batch.error_code, error_message = batch.error_message, finished_at = :now,
    released_at = batch.released_at
FROM (
    SELECT
        json_extract(value, '$[0]') AS row, json_extract(value, '$[1]') AS status,
        json_extract(value, '$[2]') AS attempt, json_extract(value, '$[3]') AS reason,
        json_extract(value, '$[4]') AS message_id, json_extract(value, '$[5]') AS error_code,
        json_extract(value, '$[6]') AS error_message, json_extract(value, '$[7]') AS released_at
    FROM json_each(:batch)
) AS batch
WHERE states.row = batch.row AND states.status = 'sending' AND states.attempts = batch.attempt
"""

RELEASED_DIGITS = 13
"""Of milliseconds since 1970, until the year 2286."""

SETTLE_SENT = """
UPDATE states SET
    status = 'sent', reason = NULL, message_id = nullif(substr(batch.value, 14), ''), error_code = NULL,
    error_message = NULL, finished_at = :now, released_at = nullif(CAST(substr(batch.value, 1, 13) AS INTEGER), 0)
FROM json_each(:answers) AS batch
WHERE states.row = CAST(batch.key AS INTEGER) AND states.status = 'sending' AND states.attempts = :attempt
"""
"""`SETTLE` for what most rows come to, by a JSON object of row -> when it was let out, in `RELEASED_DIGITS` digits, and
its message id behind that: 2.4 microseconds a row, not 4 as with an array for each."""

STANDING = """
SELECT row, status, attempts, reason, message_id, error_code
FROM states WHERE row IN (SELECT value FROM json_each(?))
"""

GIVE_BACK = """
UPDATE states SET
    status = 'pending',
    reason = NULL,
    attempts = attempts - (status = 'sending' AND row NOT IN (SELECT value FROM json_each(:tried))),
    intent_at = iif(status = 'pending' OR row IN (SELECT value FROM json_each(:tried)), intent_at, NULL)
WHERE row IN (SELECT value FROM json_each(:rows))
"""

HOLD = """
UPDATE states SET reason = :reason
WHERE row BETWEEN :first AND :last AND status = 'pending' AND reason IS NULL
    AND identity IN (SELECT id FROM identities WHERE name = :identity) AND (:country IS NULL OR country = :country)
"""

MOVABLE = """
SELECT states.row, rows.destination, states.country
FROM states JOIN rows ON rows.row = states.row
WHERE states.row BETWEEN :first AND :last AND states.status = 'pending' AND states.reason IS NULL
    AND states.identity IN (SELECT id FROM identities WHERE name = :identity)
    AND (:country IS NULL OR states.country = :country) AND NOT states.pinned
"""

MOVE = """
UPDATE states SET identity = identities.id, bucket = identities.bucket
FROM (
    SELECT
        json_extract(value, '$[0]') AS row, json_extract(value, '$[1]') AS identity,
        json_extract(value, '$[2]') AS bucket
    FROM json_each(:batch)
) AS batch
JOIN buckets ON buckets.name = batch.bucket
JOIN identities ON identities.name = batch.identity AND identities.bucket = buckets.id
WHERE states.row = batch.row AND states.status = 'pending' AND states.reason IS NULL
"""

TRIP = """
INSERT INTO breakers (identity, country, reason, tripped_at, moved, held)
VALUES (:identity, ifnull(:country, ''), :reason, :now, :moved, :held)
ON CONFLICT (identity, country) DO UPDATE SET moved = moved + excluded.moved, held = held + excluded.held
"""

FORGET_BREAKERS = "DELETE FROM breakers"

RESEND = """
UPDATE states SET
    status = 'pending', lost = ifnull(reason, 'unknown'), reason = NULL, error_code = NULL, error_message = NULL
WHERE status = 'unknown'
"""
"""`finished_at` stays: what was let out a moment ago still counts against the limit."""

WITHDRAW_RESENDS = """
UPDATE states SET status = 'unknown', reason = lost WHERE status = 'pending' AND lost IS NOT NULL
"""

INTERRUPT = "UPDATE states SET status = 'unknown', reason = :reason, finished_at = :now WHERE status = 'sending'"

END_DEAD_RUNS = """
UPDATE runs SET
    finished_at = max(
        started_at,
        ifnull((SELECT max(finished_at) FROM states WHERE finished_at IS NOT NULL AND status = 'sent'), 0)
    ),
    "end" = 'interrupted', cause = 'its process died'
WHERE finished_at IS NULL
"""

LIFT_HOLDS = "UPDATE states SET reason = NULL WHERE status = 'pending' AND reason IS NOT NULL"

SET_MPS = """
UPDATE buckets SET
    mps = limits.value, allows = iif(mps = limits.value, allows, NULL),
    allows_at = iif(mps = limits.value, allows_at, NULL)
FROM json_each(:limits) AS limits
WHERE buckets.name = limits.key
"""
"""What was learnt beside another limit is forgotten: somebody has looked at it since."""

NOTE_ALLOWED = """
UPDATE buckets SET allows = allowed.value, allows_at = iif(allowed.value IS NULL, NULL, :now)
FROM json_each(:allowed) AS allowed
WHERE buckets.name = allowed.key
"""

PENDING_ZONES = """
SELECT DISTINCT buckets.name, zone
FROM states INDEXED BY states_claimable JOIN buckets ON buckets.id = states.bucket
WHERE status = 'pending' AND reason IS NULL
"""

PENDING_ZONES_OF = """
SELECT DISTINCT buckets.name, zone
FROM states JOIN buckets ON buckets.id = states.bucket
WHERE states.row IN (SELECT value FROM json_each(:among)) AND status = 'pending' AND reason IS NULL
"""

ADD_SAMPLES = """
INSERT INTO samples (at, bucket, messages, parts, throttled, allowed, in_flight)
SELECT
    json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]'),
    json_extract(value, '$[6]')
FROM json_each(:batch) WHERE true
ON CONFLICT (at, bucket) DO NOTHING
"""

NOTE_EVENT = "INSERT INTO journal (at, event, detail) VALUES (?, ?, ?)"

START_RUN = "INSERT INTO runs (pid, host, started_at) VALUES (?, ?, ?)"

FINISH_RUN = 'UPDATE runs SET finished_at = ?, "end" = ?, cause = ?, throttled = ? WHERE id = ?'

AMEND_RUN = 'UPDATE runs SET "end" = ?, cause = ? WHERE id = (SELECT max(id) FROM runs)'

MISCOUNTED = """
WITH counted AS (
    SELECT ifnull(bucket, 0), status, ifnull(reason, ''), count(*), total(parts) FROM states GROUP BY 1, 2, 3
), tallied AS (
    SELECT bucket, status, reason, messages, total(parts) FROM tallies WHERE messages <> 0 GROUP BY 1, 2, 3, 4
)
SELECT 1
FROM (
    SELECT * FROM (SELECT * FROM counted EXCEPT SELECT * FROM tallied)
    UNION ALL
    SELECT * FROM (SELECT * FROM tallied EXCEPT SELECT * FROM counted)
)
LIMIT 1
"""
"""Something, when `tallies` do not say what the rows say."""
