/** Which screen is shown, and with which word, shape and colour. Pure. */

import { N_ } from "./i18n.js";

/**
 * @typedef {object} Look
 * @property {string} screen
 * @property {string} tone the colour's name in the style sheets
 * @property {string} icon
 * @property {string} word key of the one word of the bar
 */

/** @type {Record<string, Look>} */
const LOOKS = {
  connecting: { screen: "connecting", tone: "lost", icon: "lost", word: N_("state.connecting") },
  lost: { screen: "lost", tone: "lost", icon: "lost", word: N_("state.offline") },
  sign_in: { screen: "sign_in", tone: "lost", icon: "key", word: N_("state.signin") },
  not_ready: { screen: "not_ready", tone: "fault", icon: "fault", word: N_("state.notready") },
  ready: { screen: "ready", tone: "ready", icon: "ring", word: N_("state.ready") },
  starting: { screen: "starting", tone: "ready", icon: "wait", word: N_("state.starting") },
  start_failed: { screen: "start_failed", tone: "fault", icon: "fault", word: N_("state.startfailed") },
  recording: { screen: "recording", tone: "recording", icon: "record", word: N_("state.recording") },
  paused: { screen: "paused", tone: "paused", icon: "pause", word: N_("state.paused") },
  saving: { screen: "saving", tone: "saving", icon: "wait", word: N_("state.saving") },
  saved: { screen: "saved", tone: "saved", icon: "tick", word: N_("state.saved") },
};

/**
 * Losing contact outranks everything: an old word is never shown as a fact.
 * @param {{contact: "none" | "yes" | "lost", role: string, refused: boolean, state: any}} known
 * @returns {Look}
 */
export function look({ contact, role, refused, state }) {
  if (refused) return LOOKS.sign_in;
  if (contact === "lost") return LOOKS.lost;
  if (contact === "none" || !state) return LOOKS.connecting;
  if (role === "none") return LOOKS.sign_in;
  return LOOKS[state.word] ?? LOOKS.not_ready;
}

/** Sentence and advice for each problem that a lecturer can do something about. */
export const PROBLEMS = {
  "agent.down": [N_("problem.agent"), N_("problem.agent.do"), "fault"],
  "start.failed": [N_("problem.start"), N_("problem.start.do"), "fault"],
  "room.empty": [N_("problem.room"), N_("problem.room.do"), "camera"],
  "mic.none": [N_("mic.none"), N_("mic.none.do"), "mic"],
  "mic.silent": [N_("mic.silent"), N_("mic.silent.do"), "mic"],
  "mic.quiet": [N_("mic.quiet"), N_("mic.quiet.do"), "mic"],
  "mic.loud": [N_("mic.loud"), N_("mic.loud.do"), "mic"],
  "mic.cable": [N_("mic.cable"), N_("mic.cable.do"), "mic"],
  "mic.unheard": [N_("mic.unheard"), N_("mic.unheard.do"), "mic"],
  "cam.none": [N_("cam.none"), N_("cam.none.do"), "camera"],
  "cam.covered": [N_("cam.covered"), N_("cam.covered.do"), "camera"],
  "cam.frozen": [N_("cam.frozen"), N_("cam.frozen.do"), "camera"],
  "slides.none": [N_("slides.none"), N_("slides.none.do"), "slides"],
  "space.low": [N_("space.low"), N_("space.low.do"), "disk"],
  "space.full": [N_("space.full"), N_("space.full.do"), "disk"],
  "power.battery": [N_("power.battery"), N_("power.battery.do"), "power"],
  "disk.trouble": [N_("problem.disk"), N_("problem.disk.do"), "disk"],
};

/** The problems with words for lecturers; clock and load are the IT page's. */
export function shown(/** @type {any[]} */ problems) {
  return problems.filter((problem) => problem.key in PROBLEMS);
}

/** Key, icon and tone of the microphone's verdict. */
export const MIC = {
  none: [N_("mic.none"), "fault", "bad"],
  starting: [N_("mic.starting"), "wait", "plain"],
  muted: [N_("mic.muted"), "mute", "warn"],
  say: [N_("mic.say"), "mic", "plain"],
  ok: [N_("mic.ok"), "tick", "good"],
  quiet: [N_("mic.quiet"), "warn", "warn"],
  loud: [N_("mic.loud"), "warn", "warn"],
  cable: [N_("mic.cable"), "warn", "warn"],
  silent: [N_("mic.silent"), "warn", "bad"],
};

/** Name of a picture and its state in a word. */
export const SOURCES = { camera: N_("source.camera"), slides: N_("source.slides") };
export const ARRIVALS = {
  waiting: N_("queue.waiting"),
  sending: N_("queue.sending"),
  sent: N_("queue.sent"),
  help: N_("queue.help"),
  kept: N_("queue.kept"),
};

/** What the reader is told when a press was refused; codes without words share one. */
const REFUSALS = {
  "no-contact": N_("refused.contact"),
  "agent-down": N_("refused.contact"),
  "no-answer": N_("refused.contact"),
  stale: N_("refused.stale"),
  "already-recording": N_("refused.stale"),
  "not-recording": N_("refused.stale"),
  "wrong-state": N_("refused.stale"),
  "too-late": N_("refused.late"),
  "no-end": N_("refused.noend"),
  "no-tracks": N_("problem.room"),
  "no-device": N_("problem.room"),
  "no-space": N_("space.full"),
  disk: N_("problem.disk"),
  "no-sound": N_("refused.nosound"),
  "wrong-pin": N_("pin.wrong"),
  "wrong-code": N_("pin.code"),
  "slow-down": N_("pin.slow"),
  "sign-in": N_("state.signin"),
  "not-allowed": N_("refused.role"),
};
export const refusal = (/** @type {string} */ code) =>
  /** @type {Record<string, string>} */ (REFUSALS)[code] ?? N_("refused.other");
