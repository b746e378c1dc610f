/** The state bar: one word at one place, with colour, shape and timer, to be read from the back. */

import { html, nothing } from "../../vendor/lit.js";
import { icon } from "../icons.js";
import { elapsed } from "../store.js";
import { Part, Ticking } from "./part.js";

const TIMED = new Set(["recording", "paused"]);

class Bar extends Part {
  render() {
    const { look } = this.panel;
    return html`
      <header class="bar tone-${look.tone}" tabindex="-1" id="bar">
        <div class="bar-state" role="status">${icon(look.icon)}<h1>${this.t(look.word)}</h1></div>
        ${TIMED.has(look.screen)
          ? html`<panel-timer .panel=${this.panel} .seen=${this.seen}></panel-timer>`
          : nothing}
        <div class="bar-room">${this._end()}${this._room()}</div>
      </header>
    `;
  }

  _room() {
    return html`<span class="bar-name">${this.state?.room.name ?? ""}</span>
      ${this.panel.contact === "yes"
        ? html`<panel-clock .panel=${this.panel} .seen=${this.seen}></panel-clock>`
        : nothing}`;
  }

  _end() {
    const until = this.state?.lecture?.until_utc;
    if (!until || !TIMED.has(this.panel.look.screen)) return nothing;
    const asked = this.state.ask?.kind === "ending";
    return html`<span class="bar-end">${this.t("end.soon", { time: this.panel.time(until) })}</span>
      ${this.panel.may("control")
        ? html`<button class="small ${asked ? "pulse-once" : ""}" @click=${() => this.panel.press("extend", { minutes: 10 })}>
            ${this.t("btn.extend", { n: this.panel.formats.number(10) })}
          </button>`
        : nothing}`;
  }
}

class Timer extends Ticking {
  render() {
    const paused = this.panel.look.screen === "paused";
    const ms = elapsed(this.state.timer, this.panel.serverMs());
    return html`<span class="timer ${paused ? "timer-held" : ""}" role="timer" aria-live="off"
      ><bdi dir="ltr">${this.panel.formats.timer(ms)}</bdi></span>`;
  }
}

class Clock extends Ticking {
  static every = 1000;

  render() {
    const now = this.panel.unixMs();
    return now ? html`<bdi class="bar-clock" dir="ltr">${this.panel.time(now)}</bdi>` : nothing;
  }
}

customElements.define("panel-bar", Bar);
customElements.define("panel-timer", Timer);
customElements.define("panel-clock", Clock);
