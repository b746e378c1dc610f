/**
 * What this browser knows and may do: contact, state, language, settings. The parts read it and
 * call its methods; it knows none of them. The words come from facts that the server told; a press
 * changes nothing by itself.
 */

import { ask, press, Refused } from "./commands.js";
import { Connection } from "./connection.js";
import { words } from "./i18n.js";
import { Media } from "./media.js";
import { look, refusal } from "./screen.js";
import * as settings from "./settings.js";
import { NOTHING, received, serverMs, unixMs } from "./store.js";
import { Tones } from "./tones.js";

const RANK = ["none", "view", "control", "it"];
/** A press is swallowed for so long after another one. */
const LOCK_MS = 1500;
/** How long a refusal is shown. */
const TOLD_MS = 20_000;
/** Pictures a second: more where somebody frames a camera. */
const FPS = { shown: 2, watched: 5, hidden: 0 };
/** @type {Record<string, "pause" | "resume" | "stop">} */
const TONE = { "recording>paused": "pause", "paused>recording": "resume", "recording>saving": "stop", "paused>saving": "stop" };

export class Panel extends EventTarget {
  /** @param {import("./i18n.js").Language[]} all @param {import("./i18n.js").Words} first */
  constructor(all, first) {
    super();
    this.all = all;
    this.words = first;
    this.held = NOTHING;
    /** @type {"none" | "yes" | "lost"} */
    this.contact = "none";
    this.refused = false;
    this.page = "";
    /** @type {any} */
    this.about = null;
    this.told = "";
    this.busy = false;
    this.settings = settings.load();
    this.tones = new Tones();
    this.tones.on = this.settings.tones;
    this._dismissed = "";
    /** The language that somebody chose for this lecture; "" is the room's own. */
    this._chosen = "";
    const address = new URL("api/v1/live", location.href);
    address.protocol = address.protocol.replace("http", "ws");
    address.search = address.hash = "";
    this._connection = new Connection(address.href, {
      message: (message) => this._message(message),
      frame: (frame) => this.media.frame(frame),
      contact: (contact) => this._contact(contact),
      refused: () => this._signedOut(),
    });
    this.media = new Media((message) => this._connection.send(message));
  }

  start() {
    this._connection.start();
    document.addEventListener("visibilitychange", () => {
      this._connection.woke();
      this._wanted();
    });
  }

  get look() {
    const { contact, refused } = this;
    return look({ contact, refused, role: this.held.role, state: this.held.state });
  }

  get formats() {
    return this.words.formats;
  }

  /** The languages of this room. */
  get offered() {
    const tags = this.held.state?.room.languages ?? [];
    return tags.flatMap((/** @type {string} */ tag) => this.all.filter((language) => language.tag === tag));
  }

  get languageName() {
    return this.all.find((language) => language.tag === this.words.tag)?.name ?? this.words.tag;
  }

  get lateStart() {
    return this.held.state?.ask?.kind === "late_start" && this._dismissed !== this._lateOf();
  }

  /** @param {"view" | "control" | "it"} role */
  may(role) {
    return RANK.indexOf(this.held.role) >= RANK.indexOf(role);
  }

  serverMs() {
    return serverMs(this.held, performance.now());
  }

  unixMs() {
    return unixMs(this.held, performance.now());
  }

  time(/** @type {string | number} */ utc) {
    return this.formats.time(utc, this.held.zone);
  }

  day(/** @type {string | number} */ utc) {
    return this.formats.day(utc, this.held.zone);
  }

  /** The lecture's title, or nothing. */
  title() {
    const { lecture, details, booking } = this.held.state;
    return (lecture ? lecture.title : details.title || booking?.title) ?? "";
  }

  call() {
    // Isolated: a number keeps its order inside a sentence that runs the other way.
    return this.words.t("help.call", { phone: `\u2066${this.held.state.room.phone}\u2069` });
  }

  /** @param {string} name @param {any} [about] which lecture, where it is not the one shown */
  open(name, about) {
    this.page = name;
    this.about = about ?? null;
    this._wanted();
    this._changed();
    this.dispatchEvent(new Event("page"));
  }

  /** The bar takes the focus, so that no key presses the same button again. */
  focusBar() {
    this.dispatchEvent(new Event("focus-bar"));
  }

  notToday() {
    this._dismissed = this._lateOf();
    this.focusBar();
    this._changed();
  }

  tell(/** @type {string} */ key) {
    this.told = key;
    window.clearTimeout(this._forget);
    this._forget = window.setTimeout(() => this.tell(""), TOLD_MS);
    this._changed();
  }

  /** One press. @returns {Promise<boolean>} whether it was carried out */
  async press(/** @type {string} */ name, args = {}) {
    if (this.busy) return false;
    this.busy = true;
    this.told = "";
    this.focusBar();
    this._changed();
    const lock = new Promise((done) => setTimeout(done, LOCK_MS));
    try {
      await press(name, this.held.state.rev, args);
      return true;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.tell(refusal(error.code));
      return false;
    } finally {
      lock.then(() => {
        this.busy = false;
        this._changed();
      });
    }
  }

  async signIn(/** @type {{pin?: string, code?: string}} */ secret) {
    try {
      await ask("POST", "access", secret);
      this.told = "";
      this._again();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.tell(refusal(error.code));
    }
  }

  async signOut() {
    await ask("DELETE", "access").catch(() => null);
    this.page = "";
    this._again();
  }

  set(/** @type {Partial<settings.Settings>} */ some) {
    this.settings = { ...this.settings, ...some };
    settings.save(this.settings);
    this.tones.on = this.settings.tones;
    this._changed();
  }

  /** Speak another language, until the lecture is over. */
  async speak(/** @type {string} */ tag) {
    this._chosen = tag;
    await this._speak(tag);
  }

  async _speak(/** @type {string} */ tag) {
    const digits = this.held.state?.room.digits ?? "latin";
    if (!this.all.some((language) => language.tag === tag)) return;
    this.words = await words(tag, digits);
    this._changed();
  }

  _message(/** @type {any} */ message) {
    const before = this.held.state;
    const { held, reply } = received(this.held, message, performance.now());
    this.held = held;
    if (reply) this._connection.send(reply);
    if (message.type === "snapshot") this.media.again();
    if (held.state !== before) this._followed(before, held.state);
    if (message.type !== "beat" || !before) this._changed();
  }

  /** What follows from a new state: a tone, the room's language again, back to the stage. */
  _followed(/** @type {any} */ before, /** @type {any} */ now) {
    if (!before) {
      if (!this._chosen) this._speak(now.room.language);
      this._wanted();
      return;
    }
    const tone = TONE[`${before.word}>${now.word}`];
    if (tone) this.tones.play(tone);
    if (now.ask?.kind === "pause_talking" && before.ask?.kind !== "pause_talking") this.tones.play("alarm");
    if (before.word === "saved" && now.word === "ready" && this._chosen) {
      this._chosen = "";
      this._speak(now.room.language);
    }
    if (before.word !== now.word && (this.page === "queue" || this.page === "options" || this.page === "help")) {
      this.open("");
    }
  }

  _contact(/** @type {boolean} */ contact) {
    this.contact = contact ? "yes" : "lost";
    if (!contact) this.page = "";
    this._changed();
  }

  _signedOut() {
    this.refused = true;
    this._changed();
  }

  _again() {
    this.refused = false;
    this._connection.stop();
    this._connection.start();
    this._changed();
  }

  _wanted() {
    const fps = document.hidden ? FPS.hidden : this.page === "it" ? FPS.watched : FPS.shown;
    this.media.want(this.page && this.page !== "it" ? FPS.hidden : fps);
  }

  _lateOf() {
    return this.held.state?.booking?.starts_utc ?? "today";
  }

  _changed() {
    this.dispatchEvent(new Event("change"));
  }
}
