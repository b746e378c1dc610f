/**
 * What the lecture says about itself, without typing: the timetable, this room's recent courses,
 * and a form for what neither knows. Nothing here has to be filled in, before or ever.
 */

import { html, nothing } from "../../vendor/lit.js";
import { ask, Refused } from "../commands.js";
import { icon } from "../icons.js";
import { N_ } from "../i18n.js";
import { page } from "./page.js";
import { Part } from "./part.js";

/** As SPDX calls them; shown as they are in every language. */
const LICENCES = { "CC-BY-4.0": "CC BY 4.0", "CC-BY-SA-4.0": "CC BY-SA 4.0", "CC-BY-NC-4.0": "CC BY-NC 4.0", "CC-BY-NC-ND-4.0": "CC BY-NC-ND 4.0", "CC0-1.0": "CC0 1.0" };
/** @type {Record<string, string>} */
const FIELDS = { title: N_("field.title"), course: N_("field.course"), lecturer: N_("field.lecturer") };
const OFFERED = 3;
const LONGEST = 300;

class Details extends Part {
  static properties = { ...Part.properties, _courses: { state: true }, _form: { state: true } };

  constructor() {
    super();
    /** @type {any[]} */
    this._courses = [];
    this._form = false;
    /** @type {any} a line of the queue; null when it is about now or next */
    this._about = null;
    /** @type {string | undefined} which lecture this is about, whatever begins or ends meanwhile */
    this._lecture = undefined;
    /** @type {any} what it said when the page was opened: news must not overwrite what is typed */
    this._was = {};
  }

  async connectedCallback() {
    super.connectedCallback();
    this._about = this.panel.about;
    this._was = this._about ?? this.state.lecture ?? this.state.details;
    this._lecture = this._about?.id ?? this.state.lecture?.id;
    this._form = this._about !== null;
    try {
      this._courses = (await ask("GET", "courses")).courses.slice(0, OFFERED);
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // then there is the form
    }
  }

  render() {
    return page(this, N_("details.title"), html`${this._form ? this._fields() : this._choices()} ${this._keeping()}`,
      this._form ? html`<button class="strong save" type="submit" form="details">${this.t("btn.save")}</button>` : nothing);
  }

  /** Of a lecture of the queue: whether it is sent at all. Facts come from the queue, not from the press. */
  _keeping() {
    const line = this.state.queue.lectures.find((/** @type {any} */ each) => each.id === this._about?.id);
    if (!line || !(line.keepable || line.arrival === "kept")) return nothing;
    const kept = line.arrival === "kept";
    return html`<div class="keeping">
      ${kept ? html`<p>${this.t("kept.more")}</p>` : nothing}
      <button ?disabled=${this.panel.busy} @click=${() => this.panel.press(kept ? "publish" : "withhold", { lecture: line.id })}>
        ${icon(kept ? "send" : "disk")}<span>${this.t(kept ? "btn.publish" : "btn.withhold")}</span>
      </button>
    </div>`;
  }

  _choices() {
    const { booking } = this.state;
    return html`<div class="choices choices-wide">
      ${booking
        ? html`<button @click=${() => this._take(booking)}>
            <span><small>${this.t("details.timetable")}</small><strong><bdi>${booking.title || booking.course}</bdi></strong>
            <bdi>${booking.lecturer}</bdi></span></button>`
        : nothing}
      ${this._courses.map(
        ({ details }) => html`<button @click=${() => this._take(details)}>
          <span><small>${this.t("details.recent")}</small><strong><bdi>${details.course || details.title}</bdi></strong>
          <bdi>${details.lecturer}</bdi></span></button>`,
      )}
      <button @click=${() => (this._form = true)}><span>${this.t("details.other")}</span></button>
    </div>`;
  }

  _fields() {
    const now = this._was;
    return html`<form class="fields" id="details" @submit=${(/** @type {SubmitEvent} */ event) => this._submit(event)}>
      ${Object.entries(FIELDS).map(
        ([name, words]) => html`<label><span>${this.t(words)}</span>
          <input name=${name} maxlength=${LONGEST} dir="auto" autocomplete="off" .value=${now[name] ?? ""}></label>`,
      )}
      <label><span>${this.t("field.language")}</span>
        <select name="language">
          <option value="">${this.t("licence.none")}</option>
          ${this.panel.all.map(
            (language) => html`<option value=${language.tag} lang=${language.tag} ?selected=${language.tag === now.language}>${language.name}</option>`,
          )}
        </select></label>
      <label><span>${this.t("field.licence")}</span>
        <select name="licence">
          <option value="">${this.t("licence.none")}</option>
          ${Object.entries(LICENCES).map(
            ([value, name]) => html`<option value=${value} ?selected=${value === now.licence}>${name}</option>`,
          )}
        </select></label>
    </form>`;
  }

  _take(/** @type {any} */ { title, course, lecturer, language, licence }) {
    this._save({ title, course, lecturer, language, licence });
  }

  _submit(/** @type {SubmitEvent} */ event) {
    event.preventDefault();
    this._save(Object.fromEntries(new FormData(/** @type {HTMLFormElement} */ (event.target))));
  }

  async _save(/** @type {object} */ what) {
    /** @type {Record<string, unknown>} */
    const given = Object.fromEntries(Object.entries(what).filter(([, value]) => value !== undefined && value !== null));
    if (this._lecture) given.lecture = this._lecture;
    if (await this.panel.press("edit", given)) this.panel.open(this._about ? "queue" : "");
  }
}

customElements.define("panel-details", Details);
