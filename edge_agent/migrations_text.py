"""The longer statements of `edge_agent.migrations`. What has shipped is never edited.

Who writes which column: S supervisor, P whoever posts a command, U upload.
"""

from __future__ import annotations

FIRST_SCHEMA = (
    # S. `epoch_ns` is the monotonic time of lecture time zero in the boot `epoch_boot`.
    """CREATE TABLE lectures (
        id TEXT PRIMARY KEY,
        state TEXT NOT NULL,
        reason TEXT NOT NULL DEFAULT '',
        title TEXT NOT NULL DEFAULT '',
        course TEXT NOT NULL DEFAULT '',
        lecturer TEXT NOT NULL DEFAULT '',
        language TEXT NOT NULL DEFAULT '',
        licence TEXT NOT NULL DEFAULT '',
        room TEXT NOT NULL DEFAULT '',
        started_utc TEXT NOT NULL,
        ended_utc TEXT,
        until_utc TEXT,
        until_ns INTEGER,
        clock_trust TEXT NOT NULL,
        epoch_boot TEXT NOT NULL,
        epoch_ns INTEGER NOT NULL,
        end_ns INTEGER,
        duration_s REAL,
        attempts INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    "CREATE INDEX lectures_by_state ON lectures(state)",
    # At most one lecture is under way in a room; the database itself insists.
    """CREATE UNIQUE INDEX one_active_lecture ON lectures((1))
        WHERE state IN ('recording', 'paused')""",
    # S
    """CREATE TABLE tracks (
        lecture TEXT NOT NULL REFERENCES lectures(id),
        name TEXT NOT NULL,
        flavor TEXT NOT NULL,
        media TEXT NOT NULL,
        device TEXT NOT NULL DEFAULT '',
        width INTEGER NOT NULL DEFAULT 0,
        height INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (lecture, name)
    ) STRICT""",
    # S. Times are lecture time in nanoseconds.
    """CREATE TABLE segments (
        lecture TEXT NOT NULL REFERENCES lectures(id),
        track TEXT NOT NULL,
        seq INTEGER NOT NULL,
        name TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        start_ns INTEGER NOT NULL,
        end_ns INTEGER NOT NULL,
        packets INTEGER NOT NULL,
        recovered INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (lecture, track, seq)
    ) STRICT""",
    # S. `track` NULL: every track. `end_ns` NULL: still open.
    """CREATE TABLE gaps (
        id INTEGER PRIMARY KEY,
        lecture TEXT NOT NULL REFERENCES lectures(id),
        track TEXT,
        start_ns INTEGER NOT NULL,
        end_ns INTEGER,
        cause TEXT NOT NULL
    ) STRICT""",
    # S
    """CREATE TABLE marks (
        id INTEGER PRIMARY KEY,
        lecture TEXT NOT NULL REFERENCES lectures(id),
        at_ns INTEGER NOT NULL,
        text TEXT NOT NULL
    ) STRICT""",
    # P inserts; S writes state, answer, answered_utc.
    """CREATE TABLE inbox (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        verb TEXT NOT NULL,
        args TEXT NOT NULL,
        origin TEXT NOT NULL,
        boot TEXT NOT NULL,
        expires_ns INTEGER NOT NULL,
        issued_utc TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'new',
        answer TEXT,
        answered_utc TEXT
    ) STRICT""",
    "CREATE INDEX inbox_new ON inbox(id) WHERE state = 'new'",
    # S inserts; U writes attempts, last_error, receipt, delivered_utc.
    """CREATE TABLE outbox (
        lecture TEXT NOT NULL REFERENCES lectures(id),
        name TEXT NOT NULL,
        destination TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        sha256 TEXT NOT NULL,
        media_type TEXT NOT NULL,
        priority INTEGER NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        last_error TEXT NOT NULL DEFAULT '',
        receipt TEXT,
        delivered_utc TEXT,
        PRIMARY KEY (lecture, destination, name)
    ) STRICT""",
    "CREATE INDEX outbox_waiting ON outbox(priority) WHERE receipt IS NULL",
    # S. What people should be able to look up later.
    """CREATE TABLE events (
        id INTEGER PRIMARY KEY,
        utc TEXT NOT NULL,
        boot TEXT NOT NULL,
        mono_ns INTEGER NOT NULL,
        lecture TEXT,
        track TEXT,
        kind TEXT NOT NULL,
        text TEXT NOT NULL
    ) STRICT""",
)

MUTE_AND_CLOCK = (
    # S. One row: what holds for the room, whether a lecture is under way or not.
    """CREATE TABLE room (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        muted INTEGER NOT NULL DEFAULT 0
    ) STRICT""",
    "INSERT INTO room (id) VALUES (1)",
    # S. Lecture time; `end_ns` NULL: still muted, or until the lecture's end.
    """CREATE TABLE mutes (
        id INTEGER PRIMARY KEY,
        lecture TEXT NOT NULL REFERENCES lectures(id),
        start_ns INTEGER NOT NULL,
        end_ns INTEGER
    ) STRICT""",
    # S. The press of the button in the monotonic time of its boot: never moved, unlike the epoch.
    "ALTER TABLE lectures ADD COLUMN started_boot TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE lectures ADD COLUMN started_mono_ns INTEGER NOT NULL DEFAULT 0",
    # S. Trust in the clock at the end, and whether the start was mended.
    "ALTER TABLE lectures ADD COLUMN end_trust TEXT NOT NULL DEFAULT ''",
    "ALTER TABLE lectures ADD COLUMN start_corrected INTEGER NOT NULL DEFAULT 0",
)

UPLOAD_CONTROL = (
    # P. Orders in their sequence, which decides; ids are never used again. `rate` NULL: no limit.
    # An order that ends has both clocks: the monotonic one counts in the boot `boot`.
    """CREATE TABLE upload_orders (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        verb TEXT NOT NULL,
        lecture TEXT NOT NULL DEFAULT '',
        rate INTEGER,
        until_utc TEXT,
        boot TEXT NOT NULL,
        until_ns INTEGER,
        issued_utc TEXT NOT NULL,
        origin TEXT NOT NULL
    ) STRICT""",
    # U. Local day and hour; day '' and hour -1: before the clock was set. `seconds`: for how long
    # sending was wanted and allowed, also while nothing went through.
    """CREATE TABLE traffic (
        day TEXT NOT NULL,
        hour INTEGER NOT NULL,
        destination TEXT NOT NULL,
        bytes INTEGER NOT NULL,
        seconds REAL NOT NULL,
        PRIMARY KEY (day, hour, destination)
    ) STRICT""",
    # U. The first forecast of each lecture's arrival, and the arrival. `stage`: watchable, whole.
    """CREATE TABLE forecasts (
        lecture TEXT NOT NULL,
        destination TEXT NOT NULL,
        stage TEXT NOT NULL,
        made_utc TEXT NOT NULL,
        expected_utc TEXT NOT NULL,
        arrived_utc TEXT,
        PRIMARY KEY (lecture, destination, stage)
    ) STRICT""",
)
