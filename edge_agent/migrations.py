"""The ledger's schema, step by step. A step that has shipped is never edited.

sqlite-utils applies each step in one transaction together with the record that it was applied, so
a power cut in the middle leaves either the old schema or the new one.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

ledger = Migrations("edge_agent.ledger")


@ledger()
def m001_first_schema(db: Database) -> None:
    """Writers: S supervisor, P whoever posts a command, U upload."""
    for statement in _FIRST_SCHEMA:
        db.execute(statement)


@ledger()
def m002_mute_and_clock(db: Database) -> None:
    """Privacy mute; and what is needed to mend a start that an unset clock has stamped."""
    for statement in _MUTE_AND_CLOCK:
        db.execute(statement)


@ledger()
def m003_rows_of_a_lecture(db: Database) -> None:
    """What is asked of one lecture each round must not cost more with each that is kept."""
    for table in ("gaps", "marks", "mutes", "events"):
        db.execute(f"CREATE INDEX {table}_of_lecture ON {table}(lecture)")


@ledger()
def m004_sound_measures(db: Database) -> None:
    """How a track sounds; the drift while it is recorded, the rest when it is packaged."""
    for column in ("loudness_lufs", "true_peak_dbtp", "speech_ratio", "drift_ppm"):
        db.execute(f"ALTER TABLE tracks ADD COLUMN {column} REAL")


@ledger()
def m005_transfers(db: Database) -> None:
    """Where a file is on its way, in a destination's own words. May get lost."""
    # U. No key to the lectures: a note may outlive one, and costs nothing.
    db.execute(
        """CREATE TABLE transfers (
            destination TEXT NOT NULL,
            lecture TEXT NOT NULL,
            name TEXT NOT NULL,
            sha256 TEXT NOT NULL,
            note TEXT NOT NULL,
            PRIMARY KEY (destination, lecture, name, sha256)
        ) STRICT"""
    )


@ledger()
def m006_small_versions(db: Database) -> None:
    """Whether a lecture's full quality waits for small versions of it, and since when."""
    # S. '' not asked for, 'wanted', 'made', 'failed'. Time is monotonic, of the boot beside it.
    db.execute("ALTER TABLE lectures ADD COLUMN renditions TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE lectures ADD COLUMN packaged_boot TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE lectures ADD COLUMN packaged_ns INTEGER NOT NULL DEFAULT 0")
    db.execute("CREATE INDEX renditions_wanted ON lectures(id) WHERE renditions = 'wanted'")


@ledger()
def m007_upload_control(db: Database) -> None:
    """What people order of the upload, what it has sent in which hour, what it has promised."""
    for statement in _UPLOAD_CONTROL:
        db.execute(statement)


@ledger()
def m008_stop_taken_back(db: Database) -> None:
    """When a lecture was told to end, and how long its package waits from then on."""
    # S. Lecture time: in another boot nothing waits.
    db.execute("ALTER TABLE lectures ADD COLUMN stopped_ns INTEGER")
    db.execute("ALTER TABLE lectures ADD COLUMN patience_ns INTEGER NOT NULL DEFAULT 0")


@ledger()
def m009_warnings(db: Database) -> None:
    """What was wrong with a track of a lecture, and from when to when."""
    # S. Lecture time; `end_ns` NULL: still so, or until the track's end.
    db.execute(
        """CREATE TABLE warnings (
            id INTEGER PRIMARY KEY,
            lecture TEXT NOT NULL REFERENCES lectures(id),
            track TEXT NOT NULL,
            start_ns INTEGER NOT NULL,
            end_ns INTEGER,
            what TEXT NOT NULL
        ) STRICT"""
    )
    db.execute("CREATE INDEX warnings_of_lecture ON warnings(lecture)")


@ledger()
def m010_bookings(db: Database) -> None:
    """What became of each booking, and which booking a lecture is of."""
    # S. The bookings themselves are files in the spool. `outcome`: see rules.bookings.Outcome.
    db.execute(
        """CREATE TABLE bookings (
            key TEXT PRIMARY KEY,
            starts_utc TEXT NOT NULL,
            ends_utc TEXT NOT NULL,
            outcome TEXT NOT NULL,
            title TEXT NOT NULL DEFAULT '',
            reason TEXT NOT NULL DEFAULT '',
            lecture TEXT NOT NULL DEFAULT ''
        ) STRICT"""
    )
    # S. The booking's start and the end that was last taken over from it.
    db.execute("ALTER TABLE lectures ADD COLUMN booking TEXT NOT NULL DEFAULT ''")
    db.execute("ALTER TABLE lectures ADD COLUMN booked_from_utc TEXT")
    db.execute("ALTER TABLE lectures ADD COLUMN booked_until_utc TEXT")
    db.execute("CREATE INDEX lectures_of_bookings ON lectures(booking)")


@ledger()
def m011_held_back(db: Database) -> None:
    """Whether people hold a lecture back, and which of its edits its package has."""
    # S. `edits` counts changes of what it says about itself, `edits_done` those in the package.
    for column in ("withheld", "edits", "edits_done"):
        db.execute(f"ALTER TABLE lectures ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0")
    db.execute("CREATE INDEX lectures_edited ON lectures(state) WHERE edits > edits_done")


_FIRST_SCHEMA = (
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

_MUTE_AND_CLOCK = (
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

_UPLOAD_CONTROL = (
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
