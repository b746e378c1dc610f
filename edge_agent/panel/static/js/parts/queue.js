/** The room's last lectures and whether they have arrived. Nothing can be deleted here. */

import { html, nothing } from "../../vendor/lit.js";
import { icon } from "../icons.js";
import { ARRIVALS } from "../screen.js";
import { N_ } from "../i18n.js";
import { page } from "./page.js";
import { Part } from "./part.js";

const SHAPES = { waiting: "wait", sending: "send", sent: "tick", help: "warn", kept: "disk" };

class Queue extends Part {
  render() {
    const { queue } = this.state;
    return page(this, N_("queue.title"), html`
      ${queue.next_utc && queue.waiting
        ? html`<p class="page-lead">${this.t("queue.tonight", { time: this.panel.time(queue.next_utc) })}</p>`
        : nothing}
      ${queue.lectures.length
        ? html`<ul class="queue">${queue.lectures.map((/** @type {any} */ line) => this._line(line))}</ul>`
        : html`<p class="page-lead">${this.t("queue.empty")}</p>`}
    `);
  }

  _line(/** @type {any} */ line) {
    const percent = this.panel.formats.percent(line.percent);
    const words = this.t(/** @type {any} */ (ARRIVALS)[line.arrival], { percent });
    return html`<li class="queue-${line.arrival}">
      <div>
        <strong><bdi>${line.title || this.t("queue.untitled")}</bdi></strong>
        <span><bdi>${line.course}</bdi>${line.course && line.lecturer ? " · " : nothing}<bdi>${line.lecturer}</bdi></span>
      </div>
      <span class="queue-when">
        <bdi>${this.panel.day(line.started_utc)}</bdi> <bdi dir="ltr">${this.panel.time(line.started_utc)}</bdi>
        ${line.length_s === null ? nothing : html`<small>${this.panel.formats.duration(line.length_s)}</small>`}
      </span>
      <span class="queue-arrival">${icon(/** @type {any} */ (SHAPES)[line.arrival])}<span>${words}</span></span>
      ${line.editable && this.panel.may("control")
        ? html`<button @click=${() => this.panel.open("details", line)}>${this.t("btn.change")}</button>`
        : nothing}
    </li>`;
  }
}

customElements.define("panel-queue", Queue);
