/** One line about the lecture: what it is called and when it ends, with a way to change it. */

import { html, nothing } from "../../vendor/lit.js";
import { Part } from "./part.js";

class About extends Part {
  render() {
    const { lecture, booking } = this.state;
    return html`<section class="about">
      <p>
        <span class="about-which">${this.t(lecture ? "about.now" : "about.next")}</span>
        <strong>${this.panel.title() ? html`<bdi>${this.panel.title()}</bdi>` : this._moment()}</strong>
        ${this._more(lecture ?? this._next())}
        ${!lecture && booking
          ? html` · <bdi class="about-time" dir="ltr">${this.panel.time(booking.starts_utc)}–${this.panel.time(booking.ends_utc)}</bdi>`
          : nothing}
      </p>
      ${this.panel.may("control")
        ? html`<button @click=${() => this.panel.open("details")}>${this.t("btn.change")}</button>`
        : nothing}
    </section>`;
  }

  /** Without a title the room and the moment stand for it; each in its own direction. */
  _moment() {
    const utc = this.state.lecture?.started_utc ?? this.panel.unixMs();
    return html`<bdi>${this.state.room.name}</bdi>${utc
      ? html` · <bdi>${this.panel.day(utc)}</bdi> · <bdi dir="ltr">${this.panel.time(utc)}</bdi>`
      : nothing}`;
  }

  _next() {
    const { details, booking } = this.state;
    return { course: details.course || booking?.course, lecturer: details.lecturer || booking?.lecturer };
  }

  _more(/** @type {any} */ what) {
    return [what.course, what.lecturer].filter(Boolean).map((text) => html` · <bdi>${text}</bdi>`);
  }
}

customElements.define("panel-about", About);
