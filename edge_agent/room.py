"""The pieces of a room's supervisor, and how they are put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from capture.plugs import NoPlugs, Plugs
from edge_agent.ballast import Ballast
from edge_agent.booking_desk import BookingDesk
from edge_agent.caption_desk import CaptionDesk
from edge_agent.children import Child, Launch, Process, Recorder
from edge_agent.clock import Clock, Now
from edge_agent.command_desk import CommandDesk
from edge_agent.config import Config, TrackConfig
from edge_agent.config_destinations import agent_calendars
from edge_agent.config_devices import ignored
from edge_agent.discovery import SEARCH, Discovery
from edge_agent.encoder_book import trial_size
from edge_agent.encoder_choice import EncoderChoice
from edge_agent.facts import Observer
from edge_agent.finishing import Finisher
from edge_agent.lecture_start import LectureStart
from edge_agent.ledger import Ledger
from edge_agent.ledger_watch import LedgerWatch
from edge_agent.live_versions import LiveProcess, LiveVersions
from edge_agent.performer import Performer
from edge_agent.power_watch import PowerWatch
from edge_agent.privacy import Privacy
from edge_agent.recorder_spec import recorder_spec
from edge_agent.recovery import Recovery
from edge_agent.rendering import Renderer
from edge_agent.rows import Track
from edge_agent.schedule_store import ScheduleStore
from edge_agent.schedule_watch import ScheduleWatch
from edge_agent.small_versions import SmallVersions
from edge_agent.spare import Spare
from edge_agent.spool import Runtime, Spool
from edge_agent.status import StatusWriter


@dataclass(frozen=True, slots=True)
class Room:
    """The pieces of a running supervisor, put together by `furnish`."""

    clock: Clock
    runtime: Runtime
    ledger: Ledger
    recorders: dict[str, Recorder]
    tracks: list[Track]
    finisher: Finisher
    observer: Observer
    performer: Performer
    status: StatusWriter
    #: None when the configuration names the tracks.
    discovery: Discovery | None
    launch: Launch
    ballast: Ballast
    encoders: EncoderChoice
    small: SmallVersions
    live: LiveVersions
    watch: LedgerWatch
    schedule: ScheduleWatch
    #: Tells when a camera or sound card has come.
    plugs: Plugs
    power: PowerWatch
    #: Below this level, of 255, a picture of this room is that of a covered camera.
    dark: float

    def equip(self, tracks: Mapping[str, TrackConfig]) -> None:
        """Give the room the tracks that it does not have yet, each with a recorder."""
        for name in tracks.keys() - self.recorders.keys():
            track = tracks[name]
            spec = recorder_spec(name, track, self.runtime, self.dark)
            self.recorders[name] = Recorder(spec, self.launch)
            self.tracks.append(Track("", name, track.flavor, track.media))


def furnish(
    config: Config,
    clock: Clock,
    ledger: Ledger,
    launch: Launch = Process,
    trials: Child | None = None,
    renderer: Child | None = None,
    live: LiveProcess | None = None,
    plugs: Plugs | None = None,
    on_battery: Callable[[], bool] | None = None,
) -> Room:
    """The room with all its pieces, after recovery has brought ledger and spool together.

    Without `trials` pictures are encoded in software; without `renderer` nothing is made smaller,
    without `live` nothing while a lecture is recorded; without `plugs` devices are only looked for
    now and then; without `on_battery` there is none.
    """
    spool, runtime = Spool(config.storage.spool), Runtime(config.storage.runtime)
    recovery = Recovery(spool, ledger, timedelta(minutes=config.recording.resume_minutes))
    recovery.run(clock.now())
    CaptionDesk(spool, ledger).catch_up()
    recorders: dict[str, Recorder] = {}
    tracks: list[Track] = []
    start = LectureStart(config, spool, ledger, tracks)
    desk = CommandDesk(config, spool, ledger, start)
    schedule = ScheduleWatch(
        ScheduleStore(spool.schedule),
        ledger,
        {*config.calendars, *agent_calendars(config.destinations)},
        timedelta(minutes=config.schedule.overrun_minutes),
        config.schedule.record,
    )
    finisher = Finisher(launch)
    least_free = config.storage.least_free_mib * 1024 * 1024
    observer = Observer(spool, ledger, least_free, config.storage.bin_days)
    boot = clock.now().boot
    codecs = sorted({track.codec for track in config.tracks.values()})
    size = trial_size(track.size for track in config.tracks.values())
    encoders = EncoderChoice(spool.encoders, runtime.failed_encoders, boot, trials, codecs, size)
    privacy = Privacy(spool.muted, ledger, desk, recorders)
    privacy.restore(clock.now())
    small = SmallVersions(
        config.renditions, spool, ledger, Renderer(renderer) if renderer is not None else None
    )

    def refill(now: Now) -> None:
        """A ledger that was lost while recorders run: theirs is what they have not closed."""
        writing = {(r.lecture, r.track) for r in recorders.values() if r.lecture is not None}
        recovery.refill(now, observer.under_way, writing)
        privacy.put_back(now)
        observer.look_again()
        schedule.look_again()
        lecture = ledger.active()
        if lecture is not None:  # an older ledger may not know that something is over
            ledger.close_warnings(lecture.id, None, lecture.lecture_ns(now.mono_ns))
        for recorder in recorders.values():
            recorder.senses.tell_again()

    performer = Performer(
        config,
        spool,
        ledger,
        recorders,
        finisher,
        observer,
        recovery,
        desk,
        BookingDesk(spool, ledger, start, schedule),
        encoders,
        privacy,
        small,
        runtime,
    )
    power = PowerWatch(ledger, on_battery)
    status = StatusWriter(
        config.room.name,
        runtime,
        ledger,
        recorders,
        tracks,
        finisher,
        encoders,
        privacy,
        schedule,
        power,
    )
    discovery = None if config.tracks else Discovery(Process(SEARCH, ignored(config.devices)))
    room = Room(
        clock,
        runtime,
        ledger,
        recorders,
        tracks,
        finisher,
        observer,
        performer,
        status,
        discovery,
        launch,
        Ballast(spool.ledger),
        encoders,
        small,
        LiveVersions(config.renditions, spool, recorders, live, Spare(), lambda: power.on_battery),
        LedgerWatch(spool, ledger, refill),
        schedule,
        plugs or NoPlugs(),
        power,
        config.guards.dark_level,
    )
    room.equip(config.tracks)
    return room
