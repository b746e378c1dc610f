"""Does the suite notice? Breaks the product in a copy of the tree, and expects a test to fail.

`python -m tests.faults.mutations [NAME...]`. Each mutation is one mistake that cost other recorders
lectures. The exit code is 1 when a mutation went unnoticed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
#: pytest's word for "tests ran, and some failed"; anything else proves nothing.
TESTS_FAILED = 1
POWER_CUTS = "tests/faults/test_power_cuts.py"
SEGMENTS = "tests/test_segments.py"


@dataclass(frozen=True)
class Mutation:
    """`text` in `file` becomes `broken`; `test` must fail then."""

    name: str
    file: str
    text: str
    broken: str
    test: str
    env: Mapping[str, str] = field(default_factory=dict)


MUTATIONS = (
    Mutation(
        "fdatasync left out",
        "encoders/disk.py",
        "        os.fdatasync(fd)",
        "        pass",
        POWER_CUTS,
        {"POWER_CUTS": "6", "POWER_CUT_KINDS": "recording"},
    ),
    Mutation(
        "folder fsync left out",
        "encoders/disk.py",
        "            os.fsync(fd)",
        "            pass",
        "tests/faults/test_sync_order.py",
    ),
    Mutation(
        "row before rename",
        "encoders/segments.py",
        "        self._disk.rename(self.part, self.path)\n",
        "        threading.Timer(0.3, self._disk.rename, (self.part, self.path)).start()\n",
        f"{SEGMENTS}::test_fragments_and_segments_are_told_after_they_are_durable",
    ),
    Mutation(
        "row before rename, in a power cut",
        "encoders/segments.py",
        "        self._disk.rename(self.part, self.path)\n",
        "        threading.Timer(0.3, self._disk.rename, (self.part, self.path)).start()\n",
        POWER_CUTS,
        {"POWER_CUTS": "6", "POWER_CUT_KINDS": "rotation"},
    ),
    Mutation(
        "synchronous NORMAL",
        "edge_agent/ledger_tables.py",
        '"PRAGMA synchronous=FULL"',
        '"PRAGMA synchronous=NORMAL"',
        POWER_CUTS,
        {"POWER_CUTS": "6", "POWER_CUT_KINDS": "recording"},
    ),
    Mutation(
        "no trim",
        "encoders/boxes.py",
        "        disk.truncate(fd, length)",
        "        pass",
        "tests/test_recovery.py::test_a_torn_file_is_cut_at_its_last_whole_fragment_and_adopted",
    ),
    Mutation(
        "segments dropped before the package is there",
        "edge_agent/facts.py",
        "self._ledger.ids(State.PACKAGED, State.DELIVERED)",
        "self._ledger.ids(State.FINISHING)",
        "tests/process/test_kills.py::test_a_killed_finisher_is_started_again",
    ),
    Mutation(
        "a lecture goes on beside its old package",
        "edge_agent/unpackaging.py",
        "            package.rename(part)\n",
        "            pass\n",
        "tests/test_continue.py::test_a_lecture_that_goes_on_has_both_parts_and_a_gap_between",
    ),
    Mutation(
        "fragments held back in the process",
        "encoders/segments.py",
        "        self._disk.write(self._fd, data)\n",
        "        self._late = [*getattr(self, '_late', []), data]\n"
        "        if len(self._late) > 1:\n"
        "            self._disk.write(self._fd, self._late.pop(0))\n",
        "tests/test_kill.py",
    ),
    Mutation(
        "a lecture's files go before its row says so",
        "edge_agent/bin_desk.py",
        "        with self._ledger.transaction():\n            state = advance(",
        "        shutil.rmtree(self._spool.lecture(lecture.id))\n"
        "        with self._ledger.transaction():\n            state = advance(",
        "tests/test_bin.py::test_a_kill_at_each_write_leaves_all_of_it_or_nothing",
    ),
    Mutation(
        "any clock empties the bin",
        "edge_agent/rules/bin.py",
        "    if trust != _SURE or trust_then != _SURE:\n",
        "    if trust == 'unset':\n",
        "tests/test_bin.py::test_a_clock_that_nobody_has_confirmed_empties_no_bin",
    ),
    Mutation(
        "what lies in the bin is sent",
        "edge_agent/ledger_queues.py",
        " AND lecture NOT IN (SELECT lecture FROM bin)",
        "",
        "tests/test_bin.py::"
        "test_what_has_not_arrived_is_not_sent_from_the_bin_and_goes_on_when_taken_back",
    ),
    Mutation(
        "nobody listens to udev",
        "edge_agent/supervisor.py",
        "                recorder.device_came(now.mono_ns)\n",
        "                pass\n",
        "tests/test_plugs.py::test_who_waits_for_a_device_tries_at_once_when_one_of_its_kind_comes",
    ),
    Mutation(
        "delivered before every file has its receipt",
        "edge_agent/ledger_lectures.py",
        'AND NOT EXISTS (SELECT 1 FROM outbox WHERE lecture = id AND receipt IS NULL)"',
        '"',
        "tests/test_many_lectures.py::"
        "test_a_lecture_is_received_when_its_last_file_has_its_receipt",
    ),
    Mutation(
        "sent again without asking what has arrived",
        "edge_agent/delivery.py",
        "destination.receipt(row.lecture, artifact) or destination.send(",
        "destination.send(",
        "tests/test_delivery.py::test_a_destination_that_has_the_file_already_is_not_sent_it_again",
    ),
    Mutation(
        "a command's key is not looked at",
        "edge_agent/ledger_queues.py",
        '                    "key": key,\n',
        '                    "key": f"{key} {now.mono_ns}",\n',
        "tests/test_ledger.py",
    ),
    Mutation(
        "a damaged header is taken as it is",
        "edge_agent/material.py",
        "        elif path in headers:",
        "        elif path in ():",
        "tests/test_damaged_headers.py",
    ),
    Mutation(
        "nobody looks whether the ledger is still there",
        "edge_agent/ledger_watch.py",
        "if lost or damage:",
        "if damage:",
        "tests/faults/test_ledger_lost_while_running.py",
    ),
    Mutation(
        "nobody looks whether the ledger has gone back",
        "edge_agent/ledger_watch.py",
        "if water.behind(self._water):",
        "if False:",
        "tests/test_older_ledger.py::test_under_a_running_agent_the_lecture_under_way_goes_on",
    ),
    Mutation(
        "a press is not in the lecture's file",
        "edge_agent/command_desk.py",
        "lecture_file.write(self._spool.facts(lecture.id), replace(lecture, **columns), tracks)",
        "pass",
        "tests/test_older_ledger.py::test_a_lecture_is_what_it_was_whatever_the_ledger_says",
    ),
    Mutation(
        "a mute and its answer apart",
        "edge_agent/command_desk.py",
        '            self._ledger.answer(action.command, {"muted": action.on}, now)\n',
        '        self._ledger.answer(action.command, {"muted": action.on}, now)\n',
        "tests/test_room_model.py::test_a_kill_while_the_room_is_muted_or_unmuted",
    ),
    Mutation(
        "a clock that jumps is believed at once",
        "edge_agent/rules/steady.py",
        'or trust == "synchronised" or abs(zero - it.zero) <= STEP:',
        "or trust:",
        "tests/test_bookings.py::"
        "test_a_clock_that_jumps_is_believed_when_the_network_has_set_it_or_it_stays",
    ),
    Mutation(
        "an empty calendar is believed",
        "edge_agent/calendars.py",
        "if doubt := doubtful(old, new, now):",
        'if doubt := "":',
        "tests/test_calendar_sync.py::test_whatever_is_wrong_the_copy_holds_and_says_so",
    ),
    Mutation(
        "what people have stopped is forgotten",
        "edge_agent/command_desk.py",
        "self._ledger.booking_stopped(lecture.booking)",
        "pass",
        "tests/test_schedule_room.py::"
        "test_what_people_have_stopped_stays_stopped_whatever_the_calendar_adds",
    ),
    Mutation(
        "receipt before the bytes were read back",
        "uploader/folder.py",
        "                    _read_back(target, part, artifact, progress)\n",
        "",
        "tests/test_folder.py::"
        "test_a_stick_that_holds_other_bytes_than_were_written_gets_no_receipt",
    ),
    Mutation(
        "retry of fsync after EIO",
        "encoders/segments.py",
        "        self._disk.sync(self._fd)\n",
        "        try:\n"
        "            self._disk.sync(self._fd)\n"
        "        except OSError:\n"
        "            self._disk.sync(self._fd)\n",
        f"{SEGMENTS}::test_whichever_disk_call_fails_what_was_synced_before_is_recovered",
    ),
)


def caught(mutation: Mutation) -> bool:
    """Whether the named test fails with the mutation."""
    with tempfile.TemporaryDirectory(prefix="mutation-") as folder:
        tree = Path(folder)
        archive = subprocess.run(
            ["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True
        )
        subprocess.run(["tar", "--extract"], cwd=tree, input=archive.stdout, check=True)
        file = tree / mutation.file
        text = file.read_text()
        if text.count(mutation.text) != 1:
            raise SystemExit(f"{mutation.name}: {mutation.file} has changed; mend the mutation")
        file.write_text(text.replace(mutation.text, mutation.broken))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", mutation.test],
            cwd=tree,
            # Child processes must not find the product that is installed.
            env={**os.environ, "PYTHONPATH": str(tree), **mutation.env},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != TESTS_FAILED:
        print(done.stdout[-3000:], file=sys.stderr)
    return done.returncode == TESTS_FAILED


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="only these; all of them by default")
    names = parser.parse_args().names
    missed = 0
    for mutation in MUTATIONS:
        if not names or mutation.name in names:
            noticed = caught(mutation)
            missed += not noticed
            word = "caught" if noticed else "NOT NOTICED"
            print(f"{word:12} {mutation.name}: {mutation.test}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
