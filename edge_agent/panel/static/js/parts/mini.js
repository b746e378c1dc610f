/** 320×96 for a room whose only screen is the recorded one: the state, and what it needs. */

import { html, nothing } from "../../vendor/lit.js";
import { icon } from "../icons.js";
import { N_ } from "../i18n.js";
import { shown } from "../screen.js";
import { Part } from "./part.js";

class Mini extends Part {
  static properties = { ...Part.properties, _asked: { state: true } };

  constructor() {
    super();
    this._asked = false;
  }

  render() {
    const { look } = this.panel;
    const timed = look.screen === "recording" || look.screen === "paused";
    const trouble = this.state && timed && shown(this.state.problems).length > 0;
    return html`<main class="mini tone-${look.tone}">
      <div class="mini-state" id="bar" tabindex="-1" role="status">
        ${icon(trouble ? "warn" : look.icon)}
        <span><h1>${this._asked ? this.t("ask.stop") : this.t(look.word)}</h1>
        ${timed && !this._asked ? html`<panel-timer .panel=${this.panel} .seen=${this.seen}></panel-timer>` : nothing}</span>
      </div>
      ${this.panel.may("control") ? this._buttons(look.screen) : nothing}
    </main>`;
  }

  _buttons(/** @type {string} */ screen) {
    if (screen === "ready" || screen === "saved" || screen === "start_failed") {
      return this._button("record", N_("btn.start"), () => this.panel.press("start"));
    }
    if (screen !== "recording" && screen !== "paused") return nothing;
    if (this._asked) {
      return html`${this._button("stop", N_("ask.stop.yes"), () => this._stop())}
        ${this._button("record", N_("ask.stop.no"), () => this._ask(false))}`;
    }
    return html`${screen === "recording"
        ? this._button("pause", N_("btn.pause"), () => this.panel.press("pause"))
        : this._button("resume", N_("btn.resume"), () => this.panel.press("resume"))}
      ${this._button("stop", N_("btn.stop"), () => this._ask(true))}`;
  }

  _button(/** @type {string} */ shape, /** @type {string} */ key, /** @type {() => void} */ press) {
    const name = this.t(key);
    return html`<button class="mini-${shape}" title=${name} aria-label=${name} ?disabled=${this.panel.busy} @click=${press}>
      ${icon(shape)}</button>`;
  }

  _ask(/** @type {boolean} */ asked) {
    this._asked = asked;
    this.panel.focusBar();
    window.clearTimeout(this._timeout);
    if (asked) this._timeout = window.setTimeout(() => this._ask(false), 20_000);
  }

  async _stop() {
    await this.panel.press("stop");
    this._asked = false;
    window.clearTimeout(this._timeout);
  }
}

customElements.define("panel-mini", Mini);
