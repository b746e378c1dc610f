"""Perform what the plan says and store what the children say. Each method is one effect.

The order inside each is the same: durable files, then the ledger, then the word to a child or a
client, so that whoever has been told can rely on it.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from typing import Any

from edge_agent import messages as say
from edge_agent.bin_desk import BinDesk
from edge_agent.booking_desk import BookingDesk
from edge_agent.caption_desk import CaptionDesk
from edge_agent.children import Recorder
from edge_agent.clock import Now
from edge_agent.clock_repair import ClockRepair
from edge_agent.command_desk import CommandDesk
from edge_agent.config import Config
from edge_agent.durable import sync_folder
from edge_agent.encoder_choice import EncoderChoice
from edge_agent.encoder_news import EncoderNews
from edge_agent.facts import Observer
from edge_agent.finish_job import finish_job
from edge_agent.finish_news import FinishNews
from edge_agent.finishing import Finisher, Result
from edge_agent.guard_watch import GuardWatch
from edge_agent.holding import Holding
from edge_agent.ledger import Ledger
from edge_agent.levels import LevelNow, write_level
from edge_agent.privacy import Privacy
from edge_agent.recovery import Recovery
from edge_agent.rows import Lecture, Segment
from edge_agent.rules import actions as do
from edge_agent.rules import guards
from edge_agent.rules.health import SECOND, Phase, Pressure
from edge_agent.rules.lecture import Event, State, advance, events
from edge_agent.rules.plan import DISK_FULL
from edge_agent.rules.space import FULL
from edge_agent.rules.timeline import START_NS
from edge_agent.small_versions import SmallVersions
from edge_agent.spool import Runtime, Spool

#: How far back a recorder can still begin: it keeps this much sound, and the latest picture.
JUST_NOW_NS = SECOND
#: A recorder that ended so may have been taken along by its encoder's driver.
ENCODER_SUSPECTED = ("encoder", "recorder crashed", "device hung")


class Performer:
    """The supervisor's hands."""

    def __init__(
        self,
        config: Config,
        spool: Spool,
        ledger: Ledger,
        recorders: dict[str, Recorder],
        finisher: Finisher,
        observer: Observer,
        recovery: Recovery,
        desk: CommandDesk,
        bookings: BookingDesk,
        encoders: EncoderChoice,
        privacy: Privacy,
        small: SmallVersions,
        runtime: Runtime,
    ) -> None:
        self._config = config
        self._spool = spool
        self._ledger = ledger
        self._recorders = recorders
        self._finisher = finisher
        self._observer = observer
        self._recovery = recovery
        self._desk = desk
        self._bookings = bookings
        self._encoders = encoders
        self._encoder_news = EncoderNews(ledger, encoders)
        self._privacy = privacy
        self._runtime = runtime
        self._finish_news = FinishNews(config, spool, ledger, observer, small)
        self._holding = Holding(spool, ledger)
        self._clock_repair = ClockRepair(ledger, spool)
        self._captions = CaptionDesk(spool, ledger)
        self._bin = BinDesk(spool, ledger, observer, small, config.storage.bin_days)
        guards = config.guards
        self._guard_watch = GuardWatch(ledger, recorders, guards.hearing, guards.dark_level)

    def perform(self, action: do.Action, now: Now) -> None:
        """Do one action."""
        desk = self._desk
        methods: dict[type, Callable[[Any, Now], None]] = {
            do.StartRecorder: self._start_recorder,
            do.Press: self._press,
            do.RecordTrack: self._record_track,
            do.FinishTrack: self._finish_track,
            do.OpenGap: self._halt,
            do.Begin: desk.begin,
            **self._bookings.effects,
            do.Stop: desk.stop,
            do.Pause: desk.pause,
            do.Resume: desk.resume,
            do.Extend: desk.extend,
            do.Continue: desk.go_on,
            do.Edit: desk.edit,
            do.SetCaptions: self._captions.set,
            do.AddMark: desk.add_mark,
            do.SetMute: self._privacy.set,
            do.Withhold: self._holding.withhold,
            do.Retry: desk.retry,
            **self._bin.effects,
            do.Refuse: desk.refuse,
            do.StartFinisher: self._start_finisher,
            do.KillFinisher: lambda action, _now: self._finisher.kill(action.wanted),
            do.Release: self._holding.release,
            do.Rebuild: self._holding.rebuild,
            do.MarkDelivered: self._mark_delivered,
            do.DropSegments: self._drop_segments,
        }
        methods[type(action)](action, now)

    # ------------------------------------------------------------ what children say

    def hear(self, recorder: Recorder, report: say.Message, now: Now) -> None:
        """Store a recorder's report."""
        match report:
            case say.Opened():
                recorder.opened = report
                recorder.enter(Phase.ARMED, now.mono_ns)
            case say.Beat():
                recorder.beat(report)
            case say.Level(peak=peak, rms=rms):
                recorder.peak, recorder.rms = peak, rms
                write_level(self._runtime, recorder.track, LevelNow(now.mono_ns, peak, rms))
                senses, muted = recorder.senses, self._privacy.muted
                senses.guard = guards.watch(senses.guard, now.mono_ns, peak, muted)
            case say.Started(lecture=lecture, first_ns=first_ns):
                self._ledger.close_gaps(lecture, recorder.track, first_ns)
            case say.SegmentDone():
                self._ledger.add_segment(_row(report, recorder.track), recorder.drift_ppm)
            case say.EncoderFailed():
                self._encoder_news.failed(recorder, report, now)
            case say.Eased():
                self._encoder_news.eased(recorder, report, now)
            case say.Finished():
                recorder.enter(Phase.ARMED, now.mono_ns)
            case _:
                pass  # its last words are kept by `Recorder` itself

    def lost(self, recorder: Recorder, gone: say.Gone, now: Now) -> None:
        """A recorder's process has ended: keep what it left, and say why."""
        lecture = recorder.lecture
        text = f"{gone.reason}. {gone.hint}".strip()
        if lecture is not None and gone.cause != "stopped":
            self._recovery.adopt_tracks(lecture, now, only=recorder.track)
            with self._ledger.transaction():
                self._explain(lecture, recorder.track, gone.cause, now)
                self._ledger.add_event(now, gone.cause, text, lecture, recorder.track)
        recorder.lecture = None  # last: refused by the disk, all this is done again
        encoder, recorder.encoder = recorder.encoder, ""
        if gone.cause == "stopped":
            return
        if gone.cause in ENCODER_SUSPECTED:
            self._encoders.suspect(encoder, f"a recording with it ended: {gone.reason}")
        if recorder.failure_is_news:
            print(f"track {recorder.track}: {gone.cause}: {text}", file=sys.stderr)

    def _explain(self, lecture: str, track: str, cause: str, now: Now) -> None:
        """Open the gap at once: another recorder may be armed before the plan looks."""
        recording = self._ledger.existing(lecture).state is State.RECORDING
        gaps = [g for g in self._ledger.gaps(lecture) if g.track == track and g.end_ns is None]
        if recording and not gaps:
            self._open_gap(do.OpenGap(lecture, track, cause), now)

    def finished(self, result: Result, now: Now) -> None:
        """A finisher has ended."""
        self._finish_news.ended(result, now)

    def watch(self, recorder: Recorder, now: Now) -> None:
        """Once a round: tell when a track begins or ends to deliver nothing of worth."""
        self._guard_watch.look(recorder, now, self._privacy.muted)

    def look_at_clock(self, now: Now) -> None:
        """Once a round."""
        self._clock_repair.look(now)

    # ------------------------------------------------------------ recorders

    def _start_recorder(self, action: do.StartRecorder, now: Now) -> None:
        recorder = self._recorders[action.track]
        recorder.start(now.mono_ns, self._privacy.muted, self._device_of_lecture(action.track))

    def _device_of_lecture(self, track: str) -> str:
        """What the lecture under way has recorded this track from; empty if nothing yet."""
        lecture = self._ledger.active()
        tracks = self._ledger.tracks(lecture.id) if lecture else []
        return next((each.device for each in tracks if each.name == track), "")

    def _press(self, action: do.Press, now: Now) -> None:
        recorder = self._recorders[action.track]
        if action.pressure is Pressure.ASKED:
            recorder.tell(say.Quit())
        else:
            print(f"track {action.track}: {action.pressure.name}: {action.why}", file=sys.stderr)
        recorder.press(action.pressure, now.mono_ns)

    def _record_track(self, action: do.RecordTrack, now: Now) -> None:
        recorder, lecture = self._recorders[action.track], self._ledger.existing(action.lecture)
        track = next(t for t in self._ledger.tracks(lecture.id) if t.name == action.track)
        headroom = self._config.recording.headroom
        recorder.tell(
            say.Record(
                lecture=lecture.id,
                directory=str(self._spool.track(lecture.id, track.name)),
                epoch_ns=lecture.epoch_ns,
                start_mono_ns=self._start_mono_ns(lecture, now),
                canvas=(track.width, track.height) if track.width else None,
                encoders=self._encoders.rungs(recorder.spec.codec),
                **(self._encoders.effort_for(recorder.spec) if headroom else {}),
            )
        )
        recorder.enter(Phase.RECORDING, now.mono_ns)
        if recorder.opened is not None:
            recorder.encoder = self._encoders.shown(
                recorder.opened.encoder, "", recorder.spec.codec
            )
        recorder.lecture, recorder.durable_ns = lecture.id, None
        self._encoder_news.begun(recorder, lecture.id, now)
        if recorder.opened is not None and not (track.width or track.device):
            opened = recorder.opened
            self._ledger.set_canvas(
                lecture.id, track.name, opened.width, opened.height, opened.identity
            )

    def _start_mono_ns(self, lecture: Lecture, now: Now) -> int:
        """The press of record or resume if that was just now (all tracks share it), else now."""
        pauses = [g.end_ns for g in self._ledger.gaps(lecture.id) if g.track is None and g.end_ns]
        pressed_ns = lecture.epoch_ns + max(pauses, default=START_NS)
        return pressed_ns if now.mono_ns - pressed_ns < JUST_NOW_NS else now.mono_ns

    def _finish_track(self, action: do.FinishTrack, now: Now) -> None:
        lecture = self._ledger.existing(action.lecture)
        end_ns = lecture.end_ns
        if end_ns is None:  # paused: the open gap of all tracks begins where recording ends
            gaps = [g for g in self._ledger.gaps(lecture.id) if g.track is None and not g.end_ns]
            end_ns = gaps[-1].start_ns if gaps else lecture.lecture_ns(now.mono_ns)
        recorder = self._recorders[action.track]
        recorder.tell(say.Finish(at_mono_ns=lecture.epoch_ns + end_ns))
        recorder.enter_finishing(now.mono_ns)

    def _halt(self, action: do.OpenGap, now: Now) -> None:
        """A gap of the plan's own. Where no recorder has failed, no last words tell why."""
        with self._ledger.transaction():
            self._open_gap(action, now)
            if action.cause == DISK_FULL:
                self._ledger.add_event(now, action.cause, FULL, action.lecture, action.track)

    def _open_gap(self, action: do.OpenGap, now: Now) -> None:
        recorder, lecture = self._recorders.get(action.track), self._ledger.existing(action.lecture)
        ends = [s.end_ns for s in self._ledger.segments(lecture.id) if s.track == action.track]
        start_ns = max(ends, default=START_NS)
        words = recorder.last_words if recorder else None
        cause = action.cause or (words.cause if words else "device starting")
        self._ledger.open_gap(lecture.id, action.track, start_ns, cause)

    # ------------------------------------------------------------ finishing and after

    def _start_finisher(self, action: do.StartFinisher, now: Now) -> None:
        try:
            self._recovery.adopt_tracks(action.lecture, now)
            lecture = self._ledger.existing(action.lecture)
            self._ledger.set_lecture(lecture.id, attempts=lecture.attempts + 1)
            job = finish_job(lecture, self._ledger, self._spool, self._config.room.institution)
            self._finisher.start(job, now.mono_ns)
        except OSError:
            self._finisher.put_off(action.lecture, now.mono_ns)
            raise

    def _mark_delivered(self, action: do.MarkDelivered, now: Now) -> None:
        lecture = self._ledger.existing(action.lecture)
        if Event.DELIVER in events(lecture.state):  # the same round may have purged it
            self._ledger.set_state(lecture.id, advance(lecture.state, Event.DELIVER))
        self._observer.look_again()

    def _drop_segments(self, action: do.DropSegments, now: Now) -> None:
        """Rows first: a crash in between leaves files of a packaged lecture, which go next time."""
        self._ledger.drop_segments(action.lecture)
        shutil.rmtree(self._spool.tracks(action.lecture))
        sync_folder(self._spool.lecture(action.lecture))
        self._observer.look_again()


def _row(report: say.SegmentDone, track: str) -> Segment:
    return Segment(track=track, **report.model_dump(exclude={"kind"}))
