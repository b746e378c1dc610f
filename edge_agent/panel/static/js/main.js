/** The page: which parts stand on it. `?mini=1` is the small window for a recorded screen. */

import { html, LitElement, nothing } from "../vendor/lit.js";
import { languages, words } from "./i18n.js";
import { Panel } from "./panel.js";
import "./parts/about.js";
import "./parts/actions.js";
import "./parts/bar.js";
import "./parts/details.js";
import "./parts/foot.js";
import "./parts/it.js";
import "./parts/mini.js";
import "./parts/options.js";
import "./parts/pin.js";
import "./parts/preview.js";
import "./parts/problems.js";
import "./parts/queue.js";
import "./parts/saved.js";
import "./parts/stages.js";
import "./parts/voice.js";

/** A recording room goes dark after so long without a touch. */
const DIM_MS = 120_000;

class App extends LitElement {
  static properties = { panel: { attribute: false }, mini: { type: Boolean }, _seen: { state: true } };

  constructor() {
    super();
    /** @type {Panel} */
    this.panel = /** @type {any} */ (null);
    this.mini = false;
    this._seen = 0;
    this._touched = performance.now();
    this._waking = false;
  }

  createRenderRoot() {
    return this;
  }

  connectedCallback() {
    super.connectedCallback();
    this.panel.addEventListener("change", () => this._seen++);
    this.panel.addEventListener("focus-bar", () => this._focus("#bar"));
    this.panel.addEventListener("page", () => this._focus(this.panel.page ? "#page-title" : "#bar"));
    window.setInterval(() => this._dim(), 1000);
    for (const kind of ["pointerdown", "click", "keydown"]) {
      window.addEventListener(kind, (event) => this._wake(event), { capture: true });
    }
  }

  render() {
    const { panel } = this;
    const root = document.documentElement;
    root.lang = panel.words.tag;
    root.dir = panel.words.dir;
    root.dataset.theme = panel.settings.theme;
    root.dataset.screen = panel.look.screen;
    document.title = `${panel.words.t(panel.look.word)} · ${panel.held.state?.room.name ?? "edge-agent"}`;
    return this.mini ? this._part("panel-mini") : this._whole();
  }

  _whole() {
    const stays = new Set(["lost", "connecting", "sign_in"]).has(this.panel.look.screen);
    return html`${this._part("panel-bar")}
      <main>
        ${stays ? nothing : this._part("panel-problems")} ${this._part("panel-told")}
        ${!stays && this.panel.page ? this._page() : this._stage()}
      </main>
      ${stays ? nothing : this._part("panel-foot")}`;
  }

  _page() {
    return this._part(`panel-${this.panel.page}`);
  }

  _stage() {
    const { screen } = this.panel.look;
    const named = { not_ready: "not-ready", start_failed: "not-ready", connecting: "lost", sign_in: "sign-in" };
    return this._part(`panel-${/** @type {Record<string, string>} */ (named)[screen] ?? screen}`);
  }

  /** A part by its element's name. */
  _part(/** @type {string} */ name) {
    return PARTS[name](this.panel, this._seen);
  }

  async _focus(/** @type {string} */ what) {
    await this.updateComplete;
    await new Promise((done) => requestAnimationFrame(done)); // the parts render after us
    /** @type {HTMLElement | null} */ (this.querySelector(what))?.focus({ preventScroll: true });
  }

  _dim() {
    const calm = this.panel.look.screen === "recording" && !this.panel.held.state.ask && !this.panel.page;
    const dim = calm && !this.panel.held.state.problems.length && performance.now() - this._touched > DIM_MS;
    document.documentElement.classList.toggle("dimmed", dim);
  }

  /** The first touch of a dark panel only wakes it; so does the click that belongs to it. */
  _wake(/** @type {Event} */ event) {
    const root = document.documentElement;
    const waking = root.classList.contains("dimmed") || (event.type === "click" && this._waking);
    this._touched = performance.now();
    this._waking = waking && event.type === "pointerdown";
    if (!waking) return;
    root.classList.remove("dimmed");
    event.preventDefault();
    event.stopPropagation();
  }
}

/** @type {Record<string, (panel: Panel, seen: number) => unknown>} */
const PARTS = {
  "panel-bar": (panel, seen) => html`<panel-bar .panel=${panel} .seen=${seen}></panel-bar>`,
  "panel-problems": (panel, seen) => html`<panel-problems .panel=${panel} .seen=${seen}></panel-problems>`,
  "panel-told": (panel, seen) => html`<panel-told .panel=${panel} .seen=${seen}></panel-told>`,
  "panel-foot": (panel, seen) => html`<panel-foot .panel=${panel} .seen=${seen}></panel-foot>`,
  "panel-ready": (panel, seen) => html`<panel-ready .panel=${panel} .seen=${seen}></panel-ready>`,
  "panel-starting": (panel, seen) => html`<panel-starting .panel=${panel} .seen=${seen}></panel-starting>`,
  "panel-recording": (panel, seen) => html`<panel-recording .panel=${panel} .seen=${seen}></panel-recording>`,
  "panel-paused": (panel, seen) => html`<panel-paused .panel=${panel} .seen=${seen}></panel-paused>`,
  "panel-saving": (panel, seen) => html`<panel-saving .panel=${panel} .seen=${seen}></panel-saving>`,
  "panel-saved": (panel, seen) => html`<panel-saved .panel=${panel} .seen=${seen}></panel-saved>`,
  "panel-not-ready": (panel, seen) => html`<panel-not-ready .panel=${panel} .seen=${seen}></panel-not-ready>`,
  "panel-lost": (panel, seen) => html`<panel-lost .panel=${panel} .seen=${seen}></panel-lost>`,
  "panel-sign-in": (panel, seen) => html`<panel-sign-in .panel=${panel} .seen=${seen}></panel-sign-in>`,
  "panel-queue": (panel, seen) => html`<panel-queue .panel=${panel} .seen=${seen}></panel-queue>`,
  "panel-details": (panel, seen) => html`<panel-details .panel=${panel} .seen=${seen}></panel-details>`,
  "panel-options": (panel, seen) => html`<panel-options .panel=${panel} .seen=${seen}></panel-options>`,
  "panel-help": (panel, seen) => html`<panel-help .panel=${panel} .seen=${seen}></panel-help>`,
  "panel-it": (panel, seen) => html`<panel-it .panel=${panel} .seen=${seen}></panel-it>`,
  "panel-mini": (panel, seen) => html`<panel-mini .panel=${panel} .seen=${seen}></panel-mini>`,
};

customElements.define("panel-app", App);

/** The language of the browser, until the room has told its own. */
async function begin() {
  const all = await languages();
  const wished = navigator.languages.map((tag) => tag.split("-")[0]);
  const first = all.find((language) => wished.includes(language.tag.split("-")[0])) ?? all[0];
  const panel = new Panel(all, await words(first.tag, "latin"));
  const app = /** @type {App} */ (document.createElement("panel-app"));
  app.panel = panel;
  app.mini = new URLSearchParams(location.search).has("mini");
  document.documentElement.classList.toggle("mini", app.mini);
  document.body.append(app);
  const code = new URLSearchParams(location.hash.slice(1)).get("pair");
  if (code) {
    history.replaceState(null, "", location.pathname + location.search);
    await panel.signIn({ code });
  }
  panel.start();
}

begin();
