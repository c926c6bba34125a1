"""The ledger's tables, as SQL: what is on disk, for the program and for people with a SQLite tool.

Two tables hold the rows. `rows` is what the plan made of the input: wide, written once, never touched again. `states`
is where each row stands: narrow, so that a group commit dirties few pages. Everything that a claim, a hold or a count
has to look at is in `states`; each fact is in one of the two, and the view `results` joins them for people.

`tallies` counts messages and parts by bucket, status and reason. Triggers keep it, so whatever changes a state changes
the counts in the same transaction, and counting a million rows reads a handful.

Times are integers: milliseconds since 1970 in UTC. A row is held when it is `pending` and has a reason.
"""

from datetime import UTC, datetime

APPLICATION_ID = 0x62736C67
"""`PRAGMA application_id` of a ledger ("bslg"). Set in the last step of planning: a file without it is no ledger."""

SCHEMA_VERSION = 1
"""`PRAGMA user_version`; goes up with every change that an older program would misread."""

TABLES = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE buckets (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    mps INTEGER NOT NULL CHECK (mps >= 1)
);

CREATE TABLE identities (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    bucket INTEGER NOT NULL REFERENCES buckets (id)
);

CREATE TABLE rows (
    row INTEGER PRIMARY KEY,
    line INTEGER NOT NULL,
    destination TEXT,
    encoding TEXT,
    text TEXT,
    note TEXT,
    source TEXT NOT NULL
);

CREATE TABLE states (
    row INTEGER PRIMARY KEY REFERENCES rows (row),
    bucket INTEGER REFERENCES buckets (id),
    identity INTEGER REFERENCES identities (id),
    country TEXT,
    parts INTEGER NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'sending', 'sent', 'failed', 'unknown', 'skipped')),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    intent_at INTEGER,
    finished_at INTEGER,
    reason TEXT,
    message_id TEXT,
    error_code TEXT,
    error_message TEXT
);

CREATE TABLE tallies (
    bucket INTEGER NOT NULL, -- 0: no bucket
    status TEXT NOT NULL,
    reason TEXT NOT NULL, -- '': no reason
    messages INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    PRIMARY KEY (bucket, status, reason)
) WITHOUT ROWID;

CREATE TABLE runs (
    id INTEGER PRIMARY KEY,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    "end" TEXT,
    cause TEXT,
    throttled INTEGER NOT NULL DEFAULT 0
);
"""

AFTER_LOADING = """
CREATE INDEX states_claimable ON states (bucket, row) WHERE status = 'pending' AND reason IS NULL;

CREATE INDEX states_sent ON states (finished_at, bucket, parts) WHERE status = 'sent';

INSERT INTO tallies (bucket, status, reason, messages, parts)
SELECT ifnull(bucket, 0), status, ifnull(reason, ''), count(*), sum(parts) FROM states GROUP BY 1, 2, 3;

CREATE TRIGGER states_tallied AFTER UPDATE OF bucket, status, reason ON states
WHEN old.status <> new.status OR old.reason IS NOT new.reason OR old.bucket IS NOT new.bucket
BEGIN
    UPDATE tallies SET messages = messages - 1, parts = parts - old.parts
    WHERE bucket = ifnull(old.bucket, 0) AND status = old.status AND reason = ifnull(old.reason, '');
    INSERT INTO tallies (bucket, status, reason, messages, parts)
    VALUES (ifnull(new.bucket, 0), new.status, ifnull(new.reason, ''), 1, new.parts)
    ON CONFLICT (bucket, status, reason) DO UPDATE SET messages = messages + 1, parts = parts + excluded.parts;
END;

CREATE VIEW results AS
SELECT
    states.row, rows.line, rows.destination, states.country, identities.name AS identity, buckets.name AS bucket,
    rows.encoding, states.parts, states.status, states.reason, states.message_id, states.attempts, states.error_code,
    CASE states.status WHEN 'skipped' THEN rows.note ELSE states.error_message END AS error_message,
    strftime('%Y-%m-%dT%H:%M:%fZ', states.intent_at / 1000.0, 'unixepoch') AS intent_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', states.finished_at / 1000.0, 'unixepoch') AS finished_at,
    rows.source, rows.note
FROM states
JOIN rows ON rows.row = states.row
LEFT JOIN identities ON identities.id = states.identity
LEFT JOIN buckets ON buckets.id = states.bucket;
"""
"""What is cheaper to make once all rows are there, and what must not run while they are put in."""


def to_milliseconds(moment: datetime) -> int:
    """`moment` as the ledger stores it."""
    return round(moment.timestamp() * 1000)


def from_milliseconds(stored: int) -> datetime:
    """A stored time, in UTC."""
    return datetime.fromtimestamp(stored / 1000, UTC)
