/**
 * Stop, pause and mark, and the question that Stop asks at the same place. "Keep recording" comes
 * to lie under the finger that pressed Stop; no answer keeps recording.
 */

import { html } from "../../vendor/lit.js";
import { icon } from "../icons.js";
import { Part } from "./part.js";

/** The question goes away by itself; then the recording goes on. */
const QUESTION_MS = 20_000;

class Actions extends Part {
  static properties = { ...Part.properties, _asked: { state: true } };

  constructor() {
    super();
    this._asked = false;
    this._timeout = 0;
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.clearTimeout(this._timeout);
  }

  render() {
    return html`<section class="actions ${this._asked ? "asking" : ""}">
      ${this._asked ? this._question() : this._buttons()}
    </section>`;
  }

  _buttons() {
    const paused = this.state.word === "paused";
    const { busy } = this.panel;
    return html`<button class="stop" ?disabled=${busy} @click=${() => this._ask()}>
        ${icon("stop")}<span>${this.t("btn.stop")}</span>
      </button>
      ${paused
        ? ""
        : html`<button class="pause" ?disabled=${busy} @click=${() => this.panel.press("pause")}>
              ${icon("pause")}<span>${this.t("btn.pause")}</span>
            </button>
            <button class="mark" ?disabled=${busy} @click=${() => this.panel.press("mark")}>
              ${icon("mark")}<span>${this.t("btn.mark")}</span>
            </button>`}`;
  }

  _question() {
    const paused = this.state.word === "paused";
    return html`<button class="keep" @click=${() => this._keep()}>
        ${icon(paused ? "pause" : "record")}<span>${this.t(paused ? "ask.stop.stay" : "ask.stop.no")}</span>
      </button>
      <p class="question" role="alert">${this.t("ask.stop")}</p>
      <button class="really" ?disabled=${this.panel.busy} @click=${() => this._stop()}>
        ${icon("stop")}<span>${this.t("ask.stop.yes")}</span>
      </button>`;
  }

  _ask() {
    this._asked = true;
    this.panel.focusBar();
    this._timeout = window.setTimeout(() => this._keep(), QUESTION_MS);
  }

  _keep() {
    window.clearTimeout(this._timeout);
    if (this.contains(document.activeElement)) this.panel.focusBar();
    this._asked = false;
  }

  async _stop() {
    window.clearTimeout(this._timeout);
    await this.panel.press("stop");
    this._asked = false;
  }
}

customElements.define("panel-actions", Actions);
