/** "Saved. You can leave.": the proof that sound is there, and two minutes to change one's mind. */

import { html, nothing } from "../../vendor/lit.js";
import { icon } from "../icons.js";
import { Ticking } from "./part.js";
import { startButton } from "./stages.js";

class Saved extends Ticking {
  static every = 1000;
  static properties = { ...Ticking.properties, _heard: { state: true } };

  constructor() {
    super();
    /** @type {"" | "asked" | "playing" | "none"} */
    this._heard = "";
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._audio?.pause();
  }

  render() {
    const { saved, queue } = this.state;
    return html`<div class="stage saved">
      <div class="saved-words">
        <span class="big-tick">${icon("tick")}</span>
        <div>
          <p class="saved-leave">${this.t("saved.leave")}</p>
          <p class="saved-what"><bdi>${saved.title}</bdi> <span>${this.panel.formats.duration(saved.length_s)}</span></p>
          <p class="saved-when">${saved.kept ? this.t("kept.more") : this._when(queue)}</p>
          ${this._heard === "none" ? html`<p class="saved-when" role="status">${this.t("refused.nosound")}</p>` : nothing}
        </div>
        ${this.state.lecture && this.panel.may("control")
          ? html`<button @click=${() => this.panel.open("details")}>${this.t("btn.change")}</button>`
          : nothing}
      </div>
      ${this.panel.may("control") ? this._choices(saved) : nothing}
    </div>`;
  }

  _when(/** @type {any} */ queue) {
    return queue.next_utc
      ? this.t("queue.tonight", { time: this.panel.time(queue.next_utc) })
      : this.t("queue.soon");
  }

  _choices(/** @type {any} */ saved) {
    const left = saved.continue_until_ms === null ? 0 : saved.continue_until_ms - this.panel.serverMs();
    return html`<div class="saved-choices">
      ${left > 0 && !saved.test
        ? html`<button class="continue" ?disabled=${this.panel.busy}
            @click=${() => this.panel.press("continue", { lecture: saved.lecture })}>
            ${icon("resume")}<span>${this.t("undo.continue")}
              <small role="timer" aria-live="off"
                >${this.t("undo.left", { seconds: this.panel.formats.unit("second", Math.ceil(left / 1000)) })}</small></span>
          </button>`
        : nothing}
      ${saved.listen
        ? html`<button class="listen" ?disabled=${this._heard === "asked"} @click=${() => this._listen(saved.lecture)}>
            ${icon("listen")}<span>${this.t(this._heard === "playing" ? "listen.again" : "btn.listen")}</span>
          </button>`
        : nothing}
      ${saved.test ? this._deletion(saved) : nothing}
      ${(saved.kept || saved.keepable) && !saved.test
        ? html`<button class="keep" ?disabled=${this.panel.busy}
            @click=${() => this.panel.press(saved.kept ? "publish" : "withhold", { lecture: saved.lecture })}>
            ${icon(saved.kept ? "send" : "disk")}<span>${this.t(saved.kept ? "btn.publish" : "btn.withhold")}</span>
          </button>`
        : nothing}
      ${startButton(this)}
    </div>`;
  }

  /** Of a test recording. Then the page for IT staff offers to take it back. */
  _deletion(/** @type {any} */ saved) {
    if (!this.panel.may("it")) return nothing;
    return html`<button class="keep" ?disabled=${this.panel.busy} @click=${() => this._delete(saved.lecture)}>
      ${icon("bin")}<span>${this.t("btn.delete")}</span>
    </button>`;
  }

  async _delete(/** @type {string} */ lecture) {
    if (await this.panel.press("delete", { lecture })) this.panel.open("it");
  }

  async _listen(/** @type {string} */ lecture) {
    this._audio?.pause();
    this._heard = "asked";
    const audio = new Audio(`/api/v1/lectures/${lecture}/listen`);
    this._audio = audio;
    try {
      await audio.play();
      this._heard = "playing";
    } catch (error) {
      if (!(error instanceof DOMException)) throw error;
      this._heard = "none"; // no sound was recorded, or this browser may not play
    }
  }
}

customElements.define("panel-saved", Saved);
