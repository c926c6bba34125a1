"""The ledger's tables, as SQL: what is on disk, for the program and for people with a SQLite tool.

Two tables hold the rows. `rows` is what the plan made of the input: wide, written once, never touched again. `states`
is where each row stands: narrow, so that a group commit dirties few pages. Everything that a claim, a hold or a count
has to look at is in `states`; each fact is in one of the two, and the view `results` joins them for people.

`tallies` counts messages and parts by bucket, status and reason. Triggers keep it, so whatever changes a state changes
the counts in the same transaction, and counting a million rows reads a handful.

`deliveries` is what delivery events tell of messages after they were accepted, one record a message; `feedback` is what
was told to the service in return. `breakers` is what the service refused in the latest run. `samples` is how fast each
bucket went, every few seconds of every run, and `journal` what happened to the campaign as a whole.

`zones` are the time zones that recipients may be in. A row's `zone` is 0 where nothing depends on it; else claims ask
for the rows of the zones in which it is the right time of day.

Times are integers: milliseconds since 1970 in UTC. A row that is `pending` and has a reason is passed over by claims:
it is held by a breaker, or its sender has it wait before it is tried again (`RETRY`).
"""

from datetime import UTC, datetime

APPLICATION_ID = 0x62736C67
"""`PRAGMA application_id` of a ledger ("bslg"). Set in the last step of planning: a file without it is no ledger."""

SCHEMA_VERSION = 4
"""`PRAGMA user_version`; goes up with every change that an older program would misread."""

LOG_KEY = "log"
LOG_HERE = "here"
LOG_ELSEWHERE = "elsewhere"
"""Value of `LOG_KEY` in `meta`, as the file alone has it while a writer is at work: what it has committed since is in
its log, and the file without that is not the ledger. The log itself says `LOG_HERE`, and so does the file once all is
merged into it, by us or by any SQLite tool."""

RETRY = "retry"
"""Reason of a pending row that was refused for the moment, and that its sender will try again."""

TABLES = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE buckets (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    mps INTEGER NOT NULL CHECK (mps >= 1),
    allows REAL, -- parts per second that the service seemed to allow; NULL: nothing speaks against mps
    allows_at INTEGER -- when that was noted
);

CREATE TABLE identities (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    bucket INTEGER NOT NULL REFERENCES buckets (id),
    UNIQUE (name, bucket) -- an identity has a bucket of its own wherever its limit differs by country
);

CREATE TABLE zones (
    id INTEGER PRIMARY KEY CHECK (id >= 1),
    name TEXT NOT NULL UNIQUE -- names of IANA, sorted, with + between them: the recipient is in one of these
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
    zone INTEGER NOT NULL DEFAULT 0, -- 0: none
    country TEXT,
    parts INTEGER NOT NULL,
    status TEXT NOT NULL CHECK ( -- IN (...) would build an index for each statement, as dear as the statement itself
        status = 'pending' OR status = 'sending' OR status = 'sent' OR status = 'failed' OR status = 'unknown'
        OR status = 'skipped'
    ),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    intent_at INTEGER,
    released_at INTEGER, -- when the attempt that ended it was let onto the wire; NULL: never, or nobody knows
    finished_at INTEGER,
    reason TEXT,
    message_id TEXT,
    error_code TEXT,
    error_message TEXT,
    pinned INTEGER NOT NULL DEFAULT 0, -- 1: the input chose the identity; it is never moved to another
    lost TEXT -- why nobody knows what became of an earlier attempt, when somebody chose to send the row again
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

CREATE TABLE breakers (
    identity TEXT NOT NULL, -- its name: it is refused whatever bucket it is charged to
    country TEXT NOT NULL, -- '': any
    reason TEXT NOT NULL,
    tripped_at INTEGER NOT NULL,
    moved INTEGER NOT NULL, -- rows that went to other identities
    held INTEGER NOT NULL, -- rows that wait until the account has been put right
    PRIMARY KEY (identity, country)
) WITHOUT ROWID;

CREATE TABLE deliveries (
    message_id TEXT PRIMARY KEY,
    row INTEGER NOT NULL REFERENCES rows (row),
    attempt INTEGER, -- NULL: no event has told it
    status TEXT NOT NULL, -- messageStatus of the event that counts: a final one before any other, then the latest
    description TEXT,
    final INTEGER NOT NULL,
    at INTEGER NOT NULL,
    carrier TEXT,
    parts INTEGER, -- as billed
    price_usd REAL -- for all parts
) WITHOUT ROWID;

CREATE TABLE settled ( -- rows that delivery events made sent, and what they were before
    row INTEGER PRIMARY KEY REFERENCES rows (row),
    status TEXT NOT NULL,
    reason TEXT
);

CREATE TABLE samples ( -- of the seconds since the sample before
    at INTEGER NOT NULL,
    bucket INTEGER NOT NULL REFERENCES buckets (id),
    messages INTEGER NOT NULL, -- let onto the wire
    parts INTEGER NOT NULL, -- likewise
    throttled INTEGER NOT NULL, -- answers
    allowed REAL NOT NULL, -- parts per second that were kept to when the sample was taken
    in_flight INTEGER NOT NULL, -- messages in the air at that moment
    PRIMARY KEY (at, bucket)
) WITHOUT ROWID;

CREATE TABLE journal (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    event TEXT NOT NULL, -- as in the log: a constant name
    detail TEXT NOT NULL -- its fields, one JSON object
);

CREATE TABLE feedback (
    message_id TEXT PRIMARY KEY,
    feedback TEXT NOT NULL CHECK (feedback IN ('RECEIVED', 'FAILED')),
    put_at INTEGER NOT NULL
) WITHOUT ROWID;
"""

AFTER_LOADING = """
CREATE INDEX states_claimable ON states (bucket, zone, row) WHERE status = 'pending' AND reason IS NULL;

CREATE INDEX deliveries_by_row ON deliveries (row);

CREATE INDEX states_finished ON states (finished_at, bucket, parts, status) WHERE finished_at IS NOT NULL;

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
    rows.source, rows.note, deliveries.status AS delivery_status,
    strftime('%Y-%m-%dT%H:%M:%fZ', deliveries.at / 1000.0, 'unixepoch') AS delivery_at, deliveries.carrier,
    deliveries.parts AS billed_parts, deliveries.price_usd
FROM states
JOIN rows ON rows.row = states.row
LEFT JOIN identities ON identities.id = states.identity
LEFT JOIN buckets ON buckets.id = states.bucket
LEFT JOIN deliveries ON deliveries.message_id = states.message_id;
"""
"""What is cheaper to make once all rows are there, and what must not run while they are put in."""


def to_milliseconds(moment: datetime) -> int:
    """`moment` as the ledger stores it."""
    return round(moment.timestamp() * 1000)


def from_milliseconds(stored: int) -> datetime:
    """A stored time, in UTC."""
    return datetime.fromtimestamp(stored / 1000, UTC)
