/** The stages: what fills the page in each state of the room. */

import { html, nothing } from "../../vendor/lit.js";
import { icon } from "../icons.js";
import { N_ } from "../i18n.js";
import { elapsed } from "../store.js";
import { Part, Ticking } from "./part.js";

const VIDEO = new Set(["camera", "slides"]);

/** The room's pictures, side by side. */
export function pictures(/** @type {Part} */ part) {
  const sources = part.state.sources.filter((/** @type {any} */ source) => VIDEO.has(source.role));
  return html`<div class="pictures pictures-${sources.length}">
    ${sources.map(
      (/** @type {any} */ source) =>
        html`<panel-preview .panel=${part.panel} .seen=${part.seen} .source=${source}></panel-preview>`,
    )}
  </div>`;
}

const voice = (/** @type {Part} */ part, large = false) =>
  html`<panel-voice .panel=${part.panel} .seen=${part.seen} .large=${large}></panel-voice>`;

export const startButton = (/** @type {Part} */ part) =>
  part.panel.may("control")
    ? html`<button class="start" ?disabled=${part.panel.busy} @click=${() => part.panel.press("start")}>
        ${icon("record")}<span>${part.t("btn.start")}</span>
      </button>`
    : nothing;

class Ready extends Part {
  render() {
    return html`<div class="stage ready">
      <div class="look">
        ${this._late()} ${pictures(this)} ${voice(this)}
        <panel-about .panel=${this.panel} .seen=${this.seen}></panel-about>
      </div>
      ${startButton(this)}
    </div>`;
  }

  /** "It sounds like the lecture has begun": Start is where it always is. */
  _late() {
    if (!this.panel.lateStart) return nothing;
    return html`<section class="asked" role="alert">
      <strong>${this.t("late.ask")}</strong>
      <button @click=${() => this.panel.notToday()}>${this.t("late.no")}</button>
    </section>`;
  }
}

class Starting extends Part {
  render() {
    return html`<div class="stage ready starting">
      <div class="look">${pictures(this)} ${voice(this)}</div>
      <p class="start start-wait">${icon("wait")}<span>${this.t("starting.more")}</span></p>
    </div>`;
  }
}

class Recording extends Part {
  render() {
    return html`<div class="stage recording">
      ${this._stopping()}
      <div class="look">
        ${pictures(this)}
        <panel-about .panel=${this.panel} .seen=${this.seen}></panel-about>
      </div>
      ${voice(this, true)}
      ${this.panel.may("control")
        ? html`<panel-actions .panel=${this.panel} .seen=${this.seen}></panel-actions>`
        : nothing}
    </div>`;
  }

  _stopping() {
    const { ask } = this.state;
    if (ask?.kind === "overtime") {
      return html`<section class="asked" role="status"><strong>${this.t("end.talking")}</strong></section>`;
    }
    if (ask?.kind !== "stopping") return nothing;
    return html`<section class="asked" role="alert">
      <strong>${this.t(ask.quiet ? "end.quiet" : "end.limit")}</strong>
      <panel-countdown .panel=${this.panel} .seen=${this.seen} .words=${N_("end.count")} .until=${ask.at_ms}></panel-countdown>
      ${this.panel.may("control")
        ? html`<button class="strong" @click=${() => this.panel.press("extend", { minutes: 10 })}>
            ${this.t("ask.stop.no")}
          </button>`
        : nothing}
    </section>`;
  }
}

/** Seconds until something happens by itself. Not read out each second. */
class Countdown extends Ticking {
  static properties = { ...Part.properties, until: { attribute: false }, words: { attribute: false } };

  constructor() {
    super();
    this.until = 0;
    this.words = "";
  }

  render() {
    const seconds = Math.max(0, Math.ceil((this.until - this.panel.serverMs()) / 1000));
    return html`<span class="countdown" role="timer" aria-live="off"
      >${this.t(this.words, { seconds: this.panel.formats.unit("second", seconds) })}</span>`;
  }
}

class Paused extends Part {
  render() {
    const talking = this.state.ask?.kind === "pause_talking";
    return html`<div class="stage paused ${talking ? "talking" : ""}">
      <div class="paused-words">
        <div role="alert">${talking ? html`<strong>${this.t("pause.talking")}</strong>` : nothing}</div>
        <p class="paused-more">${this.t("state.paused.cut")}</p>
        <panel-pause-time .panel=${this.panel} .seen=${this.seen}></panel-pause-time>
      </div>
      ${this.panel.may("control")
        ? html`<button class="resume" ?disabled=${this.panel.busy} @click=${() => this.panel.press("resume")}>
              ${icon("record")}<span>${this.t("btn.resume")}</span>
            </button>
            <panel-actions .panel=${this.panel} .seen=${this.seen}></panel-actions>`
        : nothing}
    </div>`;
  }
}

class PauseTime extends Ticking {
  render() {
    const ms = elapsed(this.state.pause_timer, this.panel.serverMs());
    return html`<span class="pause-time" role="timer" aria-live="off"
      >${this.t("pause.since")} <bdi dir="ltr">${this.panel.formats.timer(ms)}</bdi></span>`;
  }
}

class Saving extends Part {
  render() {
    const percent = this.state.saving_percent;
    return html`<div class="stage saving">
      <p>${this.t("saving.more")}</p>
      <div class="progress" role="progressbar" aria-label=${this.t("state.saving")} aria-valuemin="0" aria-valuemax="100"
        aria-valuenow=${percent}><div .style=${`inline-size:${percent}%`}></div></div>
      <p class="percent">${this.panel.formats.percent(percent)}</p>
    </div>`;
  }
}

class Lost extends Part {
  render() {
    const { screen } = this.panel.look;
    return html`<div class="stage lost">
      ${icon(screen === "lost" ? "lost" : "wait")}
      <p>${this.t(screen === "lost" ? "state.offline.more" : "state.connecting.more")}</p>
      ${this.state?.room.phone && screen === "lost" ? html`<p class="plain">${this.panel.call()}</p>` : nothing}
    </div>`;
  }
}

/** A hard fault: its problem fills the page; what works is still shown. */
class NotReady extends Part {
  render() {
    const failed = this.panel.look.screen === "start_failed";
    return html`<div class="stage ready">
      <div class="look">${pictures(this)} ${this.state.sources.length ? voice(this) : nothing}</div>
      ${failed ? startButton(this) : nothing}
    </div>`;
  }
}

customElements.define("panel-ready", Ready);
customElements.define("panel-starting", Starting);
customElements.define("panel-recording", Recording);
customElements.define("panel-countdown", Countdown);
customElements.define("panel-paused", Paused);
customElements.define("panel-pause-time", PauseTime);
customElements.define("panel-saving", Saving);
customElements.define("panel-lost", Lost);
customElements.define("panel-not-ready", NotReady);
