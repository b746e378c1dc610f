"""The ledger's schema, step by step. A step that has shipped is never edited.

sqlite-utils applies each step in one transaction together with the record that it was applied, so
a power cut in the middle leaves either the old schema or the new one.
"""

from __future__ import annotations

from sqlite_utils import Database, Migrations

from edge_agent.migrations_text import FIRST_SCHEMA, MUTE_AND_CLOCK, UPLOAD_CONTROL

ledger = Migrations("edge_agent.ledger")


@ledger()
def m001_first_schema(db: Database) -> None:
    """Writers: S supervisor, P whoever posts a command, U upload."""
    for statement in FIRST_SCHEMA:
        db.execute(statement)


@ledger()
def m002_mute_and_clock(db: Database) -> None:
    """Privacy mute; and what is needed to mend a start that an unset clock has stamped."""
    for statement in MUTE_AND_CLOCK:
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
    for statement in UPLOAD_CONTROL:
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


@ledger()
def m012_bin(db: Database) -> None:
    """Lectures that people have thrown away, until their time is over or they take them back."""
    # S. `trust`: how far the clock was trusted then.
    db.execute(
        "CREATE TABLE bin (lecture TEXT PRIMARY KEY REFERENCES lectures(id),"
        " deleted_utc TEXT NOT NULL, trust TEXT NOT NULL) STRICT"
    )


@ledger()
def m013_booked_words(db: Database) -> None:
    """Which of a lecture's words came from its booking, so that they follow the calendar."""
    # S. JSON by name, as they were when they were taken over; '' in lectures of earlier versions.
    db.execute("ALTER TABLE lectures ADD COLUMN booked_words TEXT NOT NULL DEFAULT ''")
