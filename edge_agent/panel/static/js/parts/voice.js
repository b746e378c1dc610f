/** The microphone: a meter that moves with the voice, and in words whether anybody can be heard. */

import { html, nothing } from "../../vendor/lit.js";
import { icon } from "../icons.js";
import { MIC } from "../screen.js";
import { Part } from "./part.js";

/** The meter's range in dBFS, and where its zones begin. */
const FLOOR = -60;
const TICKS = [-40, -18, -6];

const share = (/** @type {number} */ dbfs) => Math.min(1, Math.max(0, 1 - dbfs / FLOOR));

class Voice extends Part {
  static properties = { ...Part.properties, large: { type: Boolean } };

  constructor() {
    super();
    this.large = false;
    this._listening = -1;
    this._level = (/** @type {Event} */ event) => this._move(/** @type {CustomEvent} */ (event).detail);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._listen(-1);
  }

  updated() {
    this._listen(this.isConnected ? (this.state.mic.source ?? -1) : -1);
  }

  render() {
    const [words, shape, tone] = /** @type {any} */ (MIC)[this.state.mic.state];
    return html`<section class="voice ${this.large ? "voice-large" : ""} verdict-${tone}">
      <span class="voice-name">${icon("mic")}${this.t("source.microphone")}</span>
      ${this.panel.settings.meter
        ? html`<div class="meter" aria-hidden="true">
            <div class="meter-fill"></div>
            ${TICKS.map((tick) => html`<i class="tick tick${tick}"></i>`)}
          </div>`
        : nothing}
      <strong class="voice-verdict" role="status">${icon(shape)}<span>${this.t(words)}</span></strong>
      ${this.state.muted && this.panel.may("control")
        ? html`<button class="unmute" @click=${() => this.panel.press("unmute")}>${this.t("btn.unmute")}</button>`
        : nothing}
    </section>`;
  }

  _listen(/** @type {number} */ number) {
    if (number === this._listening) return;
    this.panel.media.removeEventListener(`level-${this._listening}`, this._level);
    this._listening = number;
    if (number >= 0) this.panel.media.addEventListener(`level-${number}`, this._level);
  }

  /** Ten times a second: past the templates, straight to the style. */
  _move(/** @type {{peak: number, rms: number}} */ level) {
    const meter = /** @type {HTMLElement | null} */ (this.querySelector(".meter"));
    meter?.style.setProperty("--level", share(level.peak).toFixed(3));
  }
}

customElements.define("panel-voice", Voice);
