"""The recorder: one process, one device, one track. Never opens the ledger, never waits for people.

It opens its device and is armed: a preview picture about once a second, sound levels ten times a
second, no encoding. `record` and `finish` come as lines on stdin; what happens goes back on a
private pipe. The end of stdin means: close the file and exit, so a dead supervisor leaves nothing
half open for long. If the process hangs, its silence is the message.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import av

from capture.hearing import Hearing
from capture.pump import AUDIO_CAPACITY, CAPACITY, Pump
from capture.source import NS, Sample, Source, open_source
from edge_agent import messages as say
from edge_agent.device_words import beat, eased, fell_silent, opened, segment_done, wanted
from edge_agent.last_words import last_words
from edge_agent.locks import AlreadyRunning, note_holder, only_one
from edge_agent.memory import keep_picture_memory
from edge_agent.pipes import Inlet, Outlet
from edge_agent.preview import Preview
from edge_agent.recent import Recent
from edge_agent.recording import Recording, encoder_name, open_recording
from edge_agent.relief import Relief, most_relief
from edge_agent.rules.overload import Step
from edge_agent.veil import Veil
from encoders.encoder import EncoderError
from encoders.segment import Segment
from encoders.segments import DiskProblem

#: A device that delivers nothing for this long is gone, whatever its driver says. An HDMI grabber
#: that changes its mode was seen to pause for 1.5 s.
SILENCE_NS = 3 * NS
#: The first sample may take longer: cameras adjust their exposure.
FIRST_SAMPLE_NS = 10 * NS
BEAT_NS = NS
#: After this long without a sample it looks at commands again. A picture comes more often.
TICK_S = 0.04
#: A camera's own packets are taken so often, all that have come: to be woken for each of them
#: costs more than recording them. A crash loses so much more.
BATCH_S = 0.12
#: The same where the source itself gives them so, every 0.24 s.
BURST_TICK_S = 0.5
#: How long after the end its last samples may arrive, while none wait; and at most: the queues of
#: sound hold 25 s, which a PC that is far behind was seen to need more than that again to encode.
LINGER_NS = NS
DRAIN_NS = 60 * NS
SPEC_WAIT_S = 5.0
#: Each step is a quarter of the processor more or less, where it is scarce. A sound card holds
#: 0.1 s: whoever comes later finds a hole. A camera's queue holds two seconds.
NICE = {"audio": -10, "video": 2}


class Recorder:
    """The loop of one recorder. All of it runs in one thread, except pump and disk."""

    def __init__(
        self, spec: say.RecorderSpec, source: Source, inlet: Inlet, outlet: Outlet
    ) -> None:
        self._spec = spec
        self._source = source
        self._inlet = inlet
        self._outlet = outlet
        self._recording: Recording | None = None
        self._recent = Recent()
        self._heard_ns = 0
        self._beaten_ns = 0
        self._durable_ns: int | None = None
        self._told_start = False
        self.stop_requested = self._quitting = False

    def run(self) -> None:
        """Until quit, end of stdin, or SIGTERM. Raises SourceError, DiskProblem, EncoderError."""
        if self._spec.muted:  # what an earlier process has shown goes before the device opens
            Path(self._spec.preview).unlink(missing_ok=True)
        self._info = self._source.open()
        self._veil = Veil(self._source, self._info, self._spec.muted)
        audio = self._info.media == "audio"
        packets = self._info.delivers == "h264"
        self._pump = Pump(
            self._source,
            AUDIO_CAPACITY if audio else CAPACITY,
            inter_coded=packets,
            batch_s=BATCH_S if packets and not self._info.bursts else 0.0,
        )
        self._tick_s = BURST_TICK_S if self._info.bursts else TICK_S
        self._relief = Relief(self._pump, most_relief(self._info, self._spec.still))
        self._pump.start()
        self._hearing = Hearing(self._info.sample_rate) if audio else None
        self._preview = Preview(Path(self._spec.preview), self._info, self._spec.dark)
        self._first_by_ns = time.monotonic_ns() + FIRST_SAMPLE_NS
        try:
            while not (self._quitting and self._recording is None):
                self._step()
        finally:
            self._pump.stop()

    # ------------------------------------------------------------ one round

    def _step(self) -> None:
        asked_ns = time.monotonic_ns()
        samples = self._pump.take(self._tick_s)
        now_ns = time.monotonic_ns()
        self._relief.waited(now_ns - asked_ns)
        for line in self._inlet.lines():
            self._command(line)
        if (self._inlet.ended or self.stop_requested) and not self._quitting:
            self._quit()
        if not samples:
            self._check_silence(now_ns)
        elif self._heard_ns == 0:  # armed: only now is it known that it delivers at all
            self._outlet.send(opened(self._info, encoder_name(self._info)))
        for sample in samples:
            self._heard_ns = now_ns
            self._take(sample)
        # What was captured in time and still waits in the queue belongs to the recording: on a PC
        # that is behind, closing by the clock alone was seen to throw eight seconds of sound away.
        if self._recording is not None:
            window = self._recording.window
            if window.overdue(now_ns, DRAIN_NS if samples else LINGER_NS):
                self._close_recording()
        if self._recording is not None and self._relief.step(now_ns):
            self._ease(self._recording)
        if samples and now_ns - self._beaten_ns >= BEAT_NS:
            self._beat(now_ns)

    def _take(self, captured: Sample) -> None:
        sample = self._veil.over(captured)
        if sample is None:
            window = self._recording.window if self._recording else None
            if window is not None and window.ended((captured.pts or 0) - window.epoch_ns):
                self._close_recording()
            return
        if self._hearing is not None and isinstance(sample, av.AudioFrame):
            for level in self._hearing.add(sample):
                self._outlet.send_or_drop(say.Level(peak=level.peak, rms=level.rms))
        if self._recording is not None:
            past = self._recording.take(sample)
            self._tell_start()
            if past:
                self._close_recording()
        self._recent.add(sample)
        if self._hearing is None:
            at_rest = self._recording is None
            self._preview.offer(sample, self._veil, time.monotonic_ns(), at_rest)

    def _check_silence(self, now_ns: int) -> None:
        if self._heard_ns == 0:
            if now_ns > self._first_by_ns:
                raise fell_silent(self._spec, "has delivered nothing since it was opened")
        elif now_ns - self._heard_ns > SILENCE_NS:
            raise fell_silent(self._spec, "has stopped delivering")

    # ------------------------------------------------------------ commands

    def _command(self, line: bytes) -> None:
        match say.parse_command(line):
            case say.Record() as command:
                self._record(command)
            case say.Finish(at_mono_ns=at_ns) if self._recording is not None:
                self._recording.window.finish_at(at_ns)
            case say.Finish():
                pass  # already over: the device's end came first
            case say.Mute() as command:
                self._mute(command)
            case say.Quit():
                self._quit()

    def _mute(self, command: say.Mute) -> None:
        if not command.on:
            self._veil.open(command.at_mono_ns)
            return
        self._veil.close()
        self._recent.samples.clear()
        if self._hearing is None:
            self._preview.show(self._veil.black())
        if self._recording is not None:
            self._recording.mute(command.at_mono_ns)

    def _record(self, command: say.Record) -> None:
        if self._recording is not None:
            self._close_recording()
        self._durable_ns = None
        self._told_start = False
        if self._hearing is not None:
            self._hearing.begin()
        self._recording = open_recording(
            command,
            self._spec,
            self._info,
            self._veil,
            self._on_fragment,
            partial(self._on_segment, command.lecture),
            partial(self._on_encoder, command.lecture),
        )
        self._relief.begin()
        self._recording.open_with(self._recent.samples)
        self._tell_start()

    def _quit(self) -> None:
        self._quitting = True
        if self._recording is not None and self._recording.window.end_ns is None:
            self._recording.window.finish_at(time.monotonic_ns())

    def _close_recording(self) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.close()
            self._preview.pause(False)
            self._outlet.send(
                say.Finished(lecture=recording.lecture, end_ns=recording.window.end_ns)
            )

    def _ease(self, recording: Recording) -> None:
        ease = self._relief.ease
        self._preview.pause(ease.step >= Step.PREVIEW)
        recording.ease(ease.step)
        self._outlet.send(eased(recording.lecture, ease))

    def salvage(self) -> None:
        """After an error of the device: keep what the encoder and the queue still hold."""
        if self._recording is not None:
            with contextlib.suppress(DiskProblem, EncoderError):
                self._close_recording()

    # ------------------------------------------------------------ reports

    def _tell_start(self) -> None:
        if self._recording is None or self._told_start or self._recording.window.first_ns is None:
            return
        self._told_start = True
        self._outlet.send(
            say.Started(
                lecture=self._recording.lecture,
                first_ns=self._recording.window.first_ns,
                at_mono_ns=time.monotonic_ns(),
            )
        )

    def _beat(self, now_ns: int) -> None:
        self._beaten_ns = now_ns
        lecture = self._recording.lecture if self._recording else None
        durable_ns = self._durable_ns if self._recording else None
        self._outlet.send(beat(lecture, durable_ns, self._pump, self._hearing, self._preview))

    def _on_fragment(self, end_ns: int) -> None:
        self._durable_ns = end_ns  # told with the next beat, which the samples themselves drive

    def _on_encoder(self, lecture: str, name: str, reason: str, successor: str) -> None:
        self._outlet.send(
            say.EncoderFailed(lecture=lecture, name=name, reason=reason, next=successor)
        )

    def _on_segment(self, lecture: str, segment: Segment) -> None:
        self._outlet.send(segment_done(lecture, segment))


def main(argv: list[str] | None = None) -> int:
    """`python -m edge_agent.recorder FD`: spec and commands on stdin, reports on FD."""
    keep_picture_memory()
    fd = int((sys.argv[1:] if argv is None else argv)[0])
    os.set_blocking(fd, False)
    outlet = Outlet(fd)
    inlet = Inlet(sys.stdin.fileno())
    spec = say.RecorderSpec.model_validate_json(inlet.line(SPEC_WAIT_S))
    source = open_source(wanted(spec))
    recorder = Recorder(spec, source, inlet, outlet)
    with contextlib.suppress(PermissionError):  # by hand, without the service's LimitNICE=
        os.setpriority(os.PRIO_PROCESS, 0, NICE[spec.media])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal's ^C is the supervisor's business
    signal.signal(signal.SIGTERM, lambda *_: setattr(recorder, "stop_requested", True))
    try:
        with only_one(Path(spec.lock), f"{spec.track} recorder"):
            note_holder(Path(spec.lock))
            outlet.send(last_words(recorder.run, recorder.salvage))
            # Native threads of a hung driver must not keep the process alive at interpreter exit.
            os._exit(0)
    except AlreadyRunning as error:
        outlet.send(say.Gone(cause="device busy", reason=str(error)))
        return 1


if __name__ == "__main__":
    sys.exit(main())
