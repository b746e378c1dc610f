/** The lower edge: room on the disk, what waits to be sent, language and help. */

import { html, nothing } from "../../vendor/lit.js";
import { icon } from "../icons.js";
import { Part } from "./part.js";

class Foot extends Part {
  render() {
    const { queue, space } = this.state;
    return html`<footer class="foot">
      <p class="foot-space">${icon("disk")}<span>${this.t("space.left", { hours: this._hours(space.hours) })}</span></p>
      <button class="foot-queue" @click=${() => this.panel.open("queue")}>
        ${icon(queue.help ? "warn" : "send")}<span>${this._queue(queue)}</span>
      </button>
      <button class="foot-options" @click=${() => this.panel.open("options")}>
        ${icon("globe")}<span lang=${this.panel.words.tag}>${this.panel.languageName}</span>
      </button>
      <button class="foot-help" @click=${() => this.panel.open("help")}>
        ${icon("help")}<span>${this.t("btn.help")}</span>
      </button>
    </footer>`;
  }

  _hours(/** @type {number} */ hours) {
    return hours >= 1
      ? this.panel.formats.unit("hour", Math.floor(hours))
      : this.panel.formats.unit("minute", Math.floor(hours * 60));
  }

  _queue(/** @type {any} */ queue) {
    const waiting = queue.waiting ? this.panel.words.n("queue.wait", queue.waiting) : this.t("queue.none");
    return queue.help ? html`${waiting}<small>${this.t("queue.help")}</small>` : waiting;
  }
}

/** What was refused, in words, until the next press. */
class Told extends Part {
  render() {
    const { told } = this.panel;
    return html`<div class="told" role="alert">${
      told ? html`${icon("warn")}<span>${this.t(told)}</span>` : nothing
    }</div>`;
  }
}

customElements.define("panel-foot", Foot);
customElements.define("panel-told", Told);
