"""What `edge-agent setup` makes of its answers: one change of the configuration, and the steps."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import typer

from edge_agent.accounts import Account, owner_of_secrets, service_account
from edge_agent.asking import wait_for
from edge_agent.clock import SystemClock
from edge_agent.commands import setup_recording
from edge_agent.commands.checks import CHECKS
from edge_agent.commands.checks_service import UNITS, shown_units
from edge_agent.commands.config_steps import carry_out, changing
from edge_agent.commands.config_texts import edited
from edge_agent.commands.config_words import change_lines, readers
from edge_agent.commands.doctor import examine
from edge_agent.commands.finding import Ground
from edge_agent.commands.output import Report
from edge_agent.commands.panel import checked_pin, store_pin
from edge_agent.commands.room import Room
from edge_agent.commands.setup_answers import Answers, bad_answers, destination_keys
from edge_agent.commands.setup_asking import PIN, Asker, Known, Terminal, asked, confirmed
from edge_agent.commands.setup_devices import Changes
from edge_agent.commands.setup_found import candidates_of, listed, modes_of
from edge_agent.commands.setup_steps import (
    Pc,
    Step,
    Units,
    as_services,
    interrupted,
    part,
    probe,
    run_all,
    tell,
    walk,
)
from edge_agent.commands.setup_tracks import wanted_tracks
from edge_agent.commands.short_lecture import armed
from edge_agent.config import Config, validated
from edge_agent.config_change import ConfigDesk, Plan
from edge_agent.credential_desk import BadSecret, Held, clean, store, survey, users
from edge_agent.places import SERVICE_FOLDER, KeyPath, Written, storage
from edge_agent.secrets import Secrets
from edge_agent.spool import Runtime, Spool
from uploader.sender import Transient

#: Voices are told apart after up to six seconds of speech.
TEST_S = 10.0
#: A service that has just been started has its devices by then, or the doctor tells.
STARTED_S = 30.0


class RoomSetup:
    """One run of the command."""

    def __init__(
        self, place: ConfigDesk, report: Report, dry_run: bool, pc: Pc, asker: Asker
    ) -> None:
        self._place, self._report, self._dry = place, report, dry_run
        self._pc, self._asker = pc, asker
        report.data = {"steps": []}

    @classmethod
    def of(cls, file: Path | None, report: Report, dry_run: bool) -> RoomSetup:
        place = ConfigDesk(file, os.environ, SystemClock(), begins=True)
        return cls(place, report, dry_run, Pc(), Terminal())

    def go(self, answers: Answers, secrets: Mapping[str, str], asks: bool) -> None:
        """Raises Failure, ConfigError. Until all answers are there nothing is changed."""
        try:
            written = self._place.written()
            config = validated(written)
            rows = listed(self._report)
            for shut in self._pc.shut_devices():
                self._report.warn(f"{shut.what}; next: {shut.fix}")
            found = candidates_of(rows, config)
            if asks:
                obstacle = self._units().obstacle
                known = Known(config, self._pc.zone, found, self._kept(config), obstacle)
                answers, typed = asked(answers, known, self._asker)
                secrets = {**secrets, **typed}
            tracks = wanted_tracks(answers, written.values.get("tracks", {}), found, modes_of(rows))
            wanted = self._changes(answers, secrets, config, written, tracks)
            plan = self._place.plan(edited(self._place, wanted.values, wanted.gone))
            steps = self._steps(answers, self._checked(secrets, plan.config), wanted, plan, asks)
            if asks and not confirmed(_summary(plan, steps), self._asker):
                self._report.say("nothing was changed")
                return
        except (KeyboardInterrupt, typer.Abort):
            raise interrupted([]) from None
        walk(steps, self._report, self._dry)
        if not self._dry:
            self._examine(any(step.name == "services" for step in steps))

    # ------------------------------------------------------------ what is to change

    def _changes(
        self,
        answers: Answers,
        secrets: Mapping[str, str],
        config: Config,
        written: Written,
        of_tracks: Changes,
    ) -> Changes:
        """All keys; those that say so already are left out."""
        for note in of_tracks.notes:
            self._report.warn(note)
        values: dict[KeyPath, Any] = {
            ("room", "name"): answers.room,
            ("room", "institution"): answers.institution,
            ("panel", "language"): answers.language,
            ("lecture", "language"): answers.lecture_language,
        }
        if PIN in secrets and config.panel.pin is None:
            values["panel", "pin"] = PIN
        now, there = config.model_dump(mode="json"), written.values.get("destinations", {})
        new = {
            path: value
            for path, value in values.items()
            if value is not None and now[path[0]][path[1]] != value
        }
        return Changes(
            {**new, **destination_keys(answers.destination, there), **of_tracks.values},
            of_tracks.gone,
        )

    def _checked(self, secrets: Mapping[str, str], config: Config) -> dict[str, str]:
        """Those that are not there yet. Raises Failure, without any value."""
        used, kept = users(config), Secrets.of({}, self._place.main.parent)
        fresh: dict[str, str] = {}
        for name, value in secrets.items():
            if name not in used:
                raise bad_answers([f"nothing uses a credential of the name {name!r}"])
            if _is_pin(config, name):
                fresh[name] = checked_pin(value)
                continue
            try:
                fresh[name] = clean(value)
                if kept.read(name) == fresh[name]:
                    del fresh[name]
            except BadSecret as error:
                raise bad_answers([f"the credential {name}: {error}"]) from None
            except Transient:
                continue  # not there yet, or not as it should be
        return fresh

    # ------------------------------------------------------------ what is to be done

    def _steps(
        self,
        answers: Answers,
        secrets: Mapping[str, str],
        wanted: Changes,
        plan: Plan,
        shown: bool,
    ) -> list[Step]:
        here = _room(plan)
        steps = self._zone(answers.zone)
        for name, value in secrets.items():
            keep = partial(self._keep, here, name, value, _is_pin(plan.config, name))
            steps.append(Step("secrets", f"keep the credential {name}", keep))
        if plan.rows:
            words = f"{len(plan.rows)} changes of {self._place.main}"
            steps.append(
                Step("configuration", words, partial(self._write, wanted, shown), looks=True)
            )
        if answers.destination:
            name = str(answers.destination["name"])
            account = service_account(here.spool.root)
            steps.append(
                Step("destination", f"try {name} out", partial(self._probe, name, account))
            )
        return [*steps, *self._run_steps(answers, plan, here)]

    def _run_steps(self, answers: Answers, plan: Plan, here: Room) -> list[Step]:
        """Services and test recording. What runs is listened to, after it has begun anew."""
        alive, status = here.alive(), here.status()
        lecture = bool(status and status["lecture"])
        services = self._services(answers.units, plan, lecture)
        seconds = TEST_S if answers.test_seconds is None else answers.test_seconds
        if lecture:
            self._report.warn("a lecture is being recorded: no test, and nothing is restarted")
        elif not seconds:
            pass
        elif alive:
            words = f"listen for {seconds:g} s to what the agent hears"
            return [*services, Step("test", words, partial(self._listen, here, seconds))]
        elif plan.config.tracks:
            words = f"record {seconds:g} s for a test: speak into the microphone"
            return [Step("test", words, partial(self._record, plan.config, seconds)), *services]
        return services

    def _zone(self, zone: str | None) -> list[Step]:
        if zone is None or zone == self._pc.zone:
            return []
        command = ("timedatectl", "set-timezone", zone)
        if not (self._pc.booted and self._pc.is_root):
            stays = f"the time zone stays {self._pc.zone or 'unset'}"
            self._report.warn(f"{stays}; where systemd is: sudo {' '.join(command)}")
            return []
        return [Step("zone", " ".join(command), partial(run_all, [command], self._pc.run))]

    def _services(self, wanted: bool | None, plan: Plan, lecture: bool) -> list[Step]:
        units = self._units()
        if wanted is False:
            return []
        if units.obstacle:
            self._report.warn(f"services: {units.obstacle}")
            return []
        anew = [] if lecture else [f"{name}.service" for name in readers(plan.rows) if plan.rows]
        commands = units.commands(anew)
        words = "; ".join(" ".join(command) for command in commands)
        act = partial(run_all, commands, self._pc.run)
        return [Step("services", words, act)] if commands else []

    def _units(self) -> Units:
        """The services go by their own configuration, whatever other one is set up here."""
        if self._place.main.parent != SERVICE_FOLDER:
            return Units([], self._pc.is_root, f"they go by {SERVICE_FOLDER}, not by this file")
        known = shown_units(self._pc.ask, UNITS) if self._pc.booted else None
        return Units(known, self._pc.is_root)

    # ------------------------------------------------------------ the steps themselves

    def _keep(self, here: Room, name: str, value: str, is_pin: bool) -> None:
        if is_pin:
            store_pin(here, name, value, self._report)
            return
        folder = self._place.main.parent / "credentials"
        store(folder, name, value, owner_of_secrets(here.spool.root))

    def _write(self, wanted: Changes, shown: bool) -> None:
        """Planned again: somebody else may have changed it since the first question."""
        with part(self._report, "configuration") as mine, changing(self._place, self._dry):
            plan = self._place.plan(edited(self._place, wanted.values, wanted.gone))
            carry_out(self._place, plan, mine, self._dry, shown)

    def _probe(self, name: str, account: Account) -> None:
        with part(self._report, "destination") as mine:
            probe(self._place.main, name, account, mine)

    def _record(self, config: Config, seconds: float) -> None:
        with part(self._report, "test") as mine:
            account = service_account(config.storage.spool)
            with as_services(account):
                found = setup_recording.try_recording(config, account, seconds, mine)
            tell(found, mine)

    def _listen(self, here: Room, seconds: float) -> None:
        with part(self._report, "test") as mine:
            wait_for(lambda: armed(here, everything=True), STARTED_S)
            tell(setup_recording.listen(here, seconds, mine), mine)

    def _examine(self, started: bool) -> None:
        """The doctor's word, last."""
        written = self._place.written()
        here = _room_of(written)
        if started:
            wait_for(here.status, STARTED_S)
        self._report.say("", "What the doctor finds:")
        ground = Ground(here, validated(written), SystemClock(), here.status(), self._pc.ask)
        with part(self._report, "checks") as mine:
            examine(ground, CHECKS, mine)

    def _kept(self, config: Config) -> frozenset[str]:
        kept = Secrets.of({}, self._place.main.parent)
        return frozenset(each.name for each in survey(config, kept) if each.state is Held.OK)


def _is_pin(config: Config, name: str) -> bool:
    return config.panel.pin == name


def _room(plan: Plan) -> Room:
    return _room_of(plan.written)


def _room_of(written: Written) -> Room:
    spool, runtime = storage(written)
    return Room(written, Spool(spool), Runtime(runtime))


def _summary(plan: Plan, steps: Iterable[Step]) -> list[str]:
    changed = change_lines(plan.rows) or ["the configuration says all of it already"]
    return [*changed, *(step.words for step in steps if step.name != "configuration")]
