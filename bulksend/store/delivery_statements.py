"""The statements by which delivery events change a ledger, and those that add up what it knows of deliveries.

SQLite knows nothing of the sizes of temporary tables: CROSS JOIN and IN make it begin with those, which are small.
"""

from bulksend.base.keyed import HASH_PREFIX

FORGOTTEN = f"{HASH_PREFIX}*"

INDEX_MESSAGE_IDS = """
CREATE INDEX IF NOT EXISTS states_message_id ON states (message_id) WHERE message_id IS NOT NULL
"""
"""Made by the first command that looks rows up by message id: to keep it up while sending costs every campaign."""

_EVENT = """
    message_id TEXT NOT NULL, status TEXT NOT NULL, description TEXT, final INTEGER NOT NULL, at INTEGER NOT NULL,
    carrier TEXT, parts INTEGER, price_usd REAL, row INTEGER, attempt INTEGER, proof INTEGER NOT NULL DEFAULT 0
"""

MAKE_BATCH = f"CREATE TEMP TABLE batch ({_EVENT}, named INTEGER, requested_at INTEGER, destination TEXT)"
MAKE_SPOOL = f"CREATE TEMP TABLE spool ({_EVENT})"
MAKE_PROVED = """
CREATE TEMP TABLE proved (row INTEGER PRIMARY KEY, message_id TEXT, attempt INTEGER, accepted_at INTEGER)
"""

LOAD = """
INSERT INTO batch (
    message_id, status, description, final, at, carrier, parts, price_usd, named, attempt, requested_at, destination
)
SELECT
    json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'),
    json_extract(value, '$[4]'), json_extract(value, '$[5]'), json_extract(value, '$[6]'), json_extract(value, '$[7]'),
    json_extract(value, '$[8]'), json_extract(value, '$[9]'), json_extract(value, '$[10]'),
    json_extract(value, '$[11]')
FROM json_each(:batch)
"""

PROVE = """
UPDATE batch SET row = named, proof = 1
WHERE EXISTS (
    SELECT 1 FROM states JOIN rows ON rows.row = states.row
    WHERE states.row = batch.named AND states.status <> 'skipped' AND states.attempts >= batch.attempt
        AND (
            ifnull(batch.destination, rows.destination) = rows.destination
            OR rows.destination GLOB :forgotten
        )
        AND ifnull(batch.requested_at, batch.at)
            >= iif(states.attempts = batch.attempt, ifnull(states.intent_at, :created_at), :created_at) - :early
        AND ifnull(batch.requested_at, 0) <= ifnull(states.intent_at, :last_at) + :late
)
"""
"""Take the word of an event's Context where all that the ledger knows of that attempt agrees. `FORGOTTEN` is what a
number looks like in a ledger that was forgotten; there is nothing to compare it with."""

MATCH = """
UPDATE {table} SET row = coalesce(
    (SELECT min(states.row) FROM states WHERE states.message_id = {table}.message_id),
    (SELECT deliveries.row FROM deliveries WHERE deliveries.message_id = {table}.message_id)
)
WHERE row IS NULL
"""
"""Find the rows of the other events by message id."""

RECORD = """
INSERT INTO deliveries (message_id, row, attempt, status, description, final, at, carrier, parts, price_usd)
SELECT message_id, row, iif(proof, attempt, NULL), status, description, final, at, carrier, parts, price_usd
FROM {table} WHERE row IS NOT NULL
ON CONFLICT (message_id) DO UPDATE SET
    row = min(row, excluded.row),
    attempt = max(ifnull(attempt, excluded.attempt), ifnull(excluded.attempt, attempt)),
    status = iif({newer}, excluded.status, status),
    description = iif({newer}, excluded.description, description),
    final = max(final, excluded.final),
    at = iif({newer}, excluded.at, at),
    carrier = max(ifnull(carrier, excluded.carrier), ifnull(excluded.carrier, carrier)),
    parts = max(ifnull(parts, excluded.parts), ifnull(excluded.parts, parts)),
    price_usd = max(ifnull(price_usd, excluded.price_usd), ifnull(excluded.price_usd, price_usd))
WHERE {newer} OR excluded.row < row
    OR ifnull(excluded.attempt, 0) > ifnull(attempt, 0) OR ifnull(excluded.carrier, '') > ifnull(carrier, '')
    OR ifnull(excluded.parts, -1) > ifnull(parts, -1) OR ifnull(excluded.price_usd, -1) > ifnull(price_usd, -1)
"""
"""Each column takes the greatest of what any event tells, so that no order and no repetition makes a difference."""

_NEWER = (
    "(excluded.final, excluded.at, excluded.status, ifnull(excluded.description, ''))"
    " > (final, at, status, ifnull(description, ''))"
)

MATCH_BATCH, MATCH_SPOOL = (MATCH.format(table=table) for table in ("batch", "spool"))
RECORD_BATCH, RECORD_SPOOL = (RECORD.format(table=table, newer=_NEWER) for table in ("batch", "spool"))

FILL_PROVED = """
INSERT INTO proved (row, message_id, attempt, accepted_at)
SELECT row, message_id, attempt, accepted_at
FROM (
    SELECT row, message_id, attempt, accepted_at,
        row_number() OVER (PARTITION BY row ORDER BY attempt DESC, message_id) AS place
    FROM (
        SELECT row, message_id, max(attempt) AS attempt, min(ifnull(requested_at, at)) AS accepted_at
        FROM batch WHERE proof GROUP BY row, message_id
    )
)
WHERE place = 1
"""
"""The message that a row gets: that of its last attempt, as if the sender had seen it."""

SETTLED_FROM = """
SELECT states.status, count(*) FROM proved CROSS JOIN states ON states.row = proved.row
WHERE states.status <> 'sent' GROUP BY states.status
"""

REMEMBER = """
INSERT INTO settled (row, status, reason)
SELECT states.row, states.status, states.reason FROM proved CROSS JOIN states ON states.row = proved.row
WHERE states.status <> 'sent'
"""

SETTLE = """
UPDATE states SET
    status = 'sent', message_id = proved.message_id, reason = NULL, error_code = NULL, error_message = NULL,
    finished_at = proved.accepted_at
FROM proved
WHERE states.row IN (SELECT row FROM proved) AND states.row = proved.row AND states.status <> 'sent'
"""

CORRECT = """
UPDATE states SET message_id = proved.message_id, finished_at = proved.accepted_at
FROM proved
JOIN settled ON settled.row = proved.row
WHERE states.row IN (SELECT row FROM proved) AND states.row = proved.row AND (
    (proved.message_id = states.message_id AND proved.accepted_at < states.finished_at)
    OR (proved.message_id <> states.message_id AND (-proved.attempt, proved.message_id) < (
        SELECT -deliveries.attempt, deliveries.message_id FROM deliveries
        WHERE deliveries.message_id = states.message_id
    ))
)
"""
"""What an earlier event made of a row, a later one may make better; what the sender itself saw stands."""

SPOOL = """
INSERT INTO spool (message_id, status, description, final, at, carrier, parts, price_usd)
SELECT message_id, status, description, final, at, carrier, parts, price_usd FROM batch WHERE row IS NULL
"""

FOREIGN = "SELECT count(*) FROM spool WHERE row IS NULL"

LAST_AT = "SELECT ifnull(max(ifnull(finished_at, :now)), 0) FROM runs"

BY_STATUS = "SELECT status, count(*) FROM deliveries GROUP BY status ORDER BY count(*) DESC, status"

WITHOUT_EVENT = """
SELECT count(*) FROM states
WHERE status = 'sent' AND NOT EXISTS (SELECT 1 FROM deliveries WHERE deliveries.message_id = states.message_id)
"""

BILLED = """
SELECT count(*), ifnull(sum(states.parts), 0), ifnull(sum(deliveries.parts), 0),
    ifnull(sum(states.parts <> deliveries.parts), 0)
FROM deliveries JOIN states ON states.row = deliveries.row
WHERE deliveries.parts IS NOT NULL
"""

BILLED_OTHERWISE = """
SELECT deliveries.row, states.parts, deliveries.parts
FROM deliveries JOIN states ON states.row = deliveries.row
WHERE deliveries.parts <> states.parts ORDER BY deliveries.row, deliveries.message_id LIMIT :first
"""

PRICE = "SELECT sum(price_usd) FROM deliveries"

ACCEPTED_AGAIN = """
SELECT DISTINCT deliveries.row FROM deliveries JOIN states ON states.row = deliveries.row
WHERE deliveries.message_id <> states.message_id ORDER BY deliveries.row
"""
