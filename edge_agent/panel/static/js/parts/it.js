/** The page for IT staff: what the devices, the disk and the network do. Lecturers never need it. */

import { html, nothing } from "../../vendor/lit.js";
import { ask, Refused } from "../commands.js";
import { N_ } from "../i18n.js";
import { icon } from "../icons.js";
import { refusal } from "../screen.js";
import { page } from "./page.js";
import { Part } from "./part.js";

const COLUMNS = [N_("it.device"), N_("it.state"), N_("it.format"), N_("it.dropped"), N_("it.level")];
const AGAIN_MS = 2000;
const GIB = 2 ** 30;
/** Shapes of what the doctor says. */
const MARKS = { ok: "tick", note: "warn", wrong: "fault" };

class It extends Part {
  static properties = {
    ...Part.properties,
    _facts: { state: true },
    _pairing: { state: true },
    _found: { state: true },
    _checking: { state: true },
  };

  constructor() {
    super();
    /** @type {any} */
    this._facts = null;
    /** @type {any} */
    this._pairing = null;
    /** @type {any[] | null} what the doctor has found */
    this._found = null;
    this._checking = false;
    this._timer = 0;
  }

  connectedCallback() {
    super.connectedCallback();
    this._timer = window.setInterval(() => this._fetch(), AGAIN_MS);
    this._fetch();
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.clearInterval(this._timer);
  }

  render() {
    if (!this.panel.may("it")) {
      return page(this, N_("it.title"), html`<panel-pin .panel=${this.panel} .seen=${this.seen}></panel-pin>`);
    }
    return page(this, N_("it.title"), this._facts ? this._all(this._facts) : html`<p class="page-lead">${this.t("state.connecting")}</p>`);
  }

  async _fetch() {
    if (!this.panel.may("it") || document.hidden) return;
    try {
      this._facts = await ask("GET", "it");
    } catch (error) {
      if (!(error instanceof Refused)) throw error; // the bar tells of a lost contact
    }
  }

  async _pair() {
    try {
      this._pairing = await ask("POST", "pairings", { role: "control" });
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.panel.tell(refusal(error.code));
    }
  }

  /** Recorded as every lecture is, to the disk and into a package; the Saved screen plays it. */
  async _test() {
    if (await this.panel.press("test")) this.panel.open("");
  }

  async _check() {
    this._checking = true;
    try {
      this._found = (await ask("POST", "checks")).findings;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      this.panel.tell(refusal(error.code));
    } finally {
      this._checking = false;
    }
    await this.updateComplete; // on a small screen it lies below the edge
    this.querySelector(".it-found")?.scrollIntoView({ block: "nearest" });
  }

  _findings() {
    if (this._checking) return html`<p role="status">${this.t("it.checking")}</p>`;
    if (!this._found) return nothing;
    return html`<ul class="it-found" lang="en" dir="ltr">
      ${this._found.map(
        (/** @type {any} */ each) => html`<li class="it-${each.state}">${icon(/** @type {any} */ (MARKS)[each.state])}
          <span><strong>${each.check}</strong> ${each.message}${each.fix ? html`<small>${each.fix}</small>` : nothing}</span></li>`,
      )}
    </ul>`;
  }

  /** What was recorded as a test goes by one touch, and comes back by one. */
  _tests(/** @type {any[]} */ tests) {
    if (!tests.length) return nothing;
    return html`<h3>${this.t("it.tests")}</h3>
      <ul class="it-tests">${tests.map((each) => this._one(each))}</ul>`;
  }

  _one(/** @type {any} */ { lecture, started_utc: at, length_s: length, binned }) {
    return html`<li>
      <bdi>${this.panel.day(at)}</bdi> <bdi dir="ltr">${this.panel.time(at)}</bdi>
      ${length === null ? nothing : html`<span>${this.panel.formats.duration(length)}</span>`}
      <button ?disabled=${this.panel.busy} @click=${() => this._throw(lecture, binned)}>
        ${icon(binned ? "again" : "bin")}<span>${this.t(binned ? "btn.restore" : "btn.delete")}</span>
      </button>
      ${binned ? html`<small>${this.t("it.binned")}</small>` : nothing}
    </li>`;
  }

  async _throw(/** @type {string} */ lecture, /** @type {boolean} */ binned) {
    await this.panel.press(binned ? "restore" : "delete", { lecture });
    await this._fetch();
  }

  _all(/** @type {any} */ facts) {
    const gib = (/** @type {number} */ bytes) => (bytes / GIB).toFixed(1);
    return html`<div class="it">
      <div class="it-tracks" role="region" tabindex="0" aria-label=${this.t("it.devices")}>
        <table>
          <caption>${this.t("it.devices")}</caption>
          <thead><tr>
            ${COLUMNS.map((key) => html`<th scope="col">${this.t(key)}</th>`)}
          </tr></thead>
          <tbody>${facts.tracks.map((/** @type {any} */ track) => this._track(track))}</tbody>
        </table>
      </div>
      <dl class="it-facts" dir="ltr">
        ${this._fact(N_("it.disk"), `${gib(facts.free_bytes)} / ${gib(facts.total_bytes)} GiB ${facts.trouble}`)}
        ${this._fact(N_("it.queue"), `${facts.waiting_files} · ${gib(facts.waiting_bytes)} GiB`)}
        ${facts.upload_errors.length ? this._fact(N_("it.upload"), facts.upload_errors.join("; ")) : nothing}
        ${this._fact(N_("it.clock"), facts.clock)} ${this._fact(N_("it.network"), facts.addresses.join(", "))}
        ${this._fact(N_("it.version"), facts.version)}
      </dl>
      <div class="it-pair">
        <button ?disabled=${this._checking} @click=${() => this._check()}>${this.t("it.check")}</button>
        ${this.state.word === "ready"
          ? html`<button ?disabled=${this.panel.busy} @click=${() => this._test()}>${this.t("it.test")}</button>`
          : nothing}
        <button @click=${() => this._pair()}>${this.t("it.pair")}</button>
        ${this._pairing ? html`<p>${this.t("it.pair.how")}</p><div class="qr" .innerHTML=${this._pairing.svg}></div>
          <bdi dir="ltr">${this._pairing.url}</bdi>` : nothing}
        <button @click=${() => this.panel.signOut()}>${this.t("it.leave")}</button>
      </div>
      ${this._findings()} ${this._tests(facts.tests)}
      <h3>${this.t("it.events")}</h3>
      <ul class="it-events" lang="en" dir="ltr">
        ${facts.events.map(
          (/** @type {any} */ event) => html`<li><time>${this.panel.time(event.utc)}</time>
            <span>${event.kind}</span> <span>${event.track} ${event.text}</span></li>`,
        )}
      </ul>
    </div>`;
  }

  _track(/** @type {any} */ track) {
    const db = (/** @type {number | null} */ value) => (value === null ? "" : `${value.toFixed(0)}`);
    const trouble = [track.given_up, track.warning, track.reason, track.hint].filter(Boolean).join(" · ");
    return html`<tr>
      <th scope="row"><bdi>${track.track}</bdi><small>${track.description} ${track.device}</small></th>
      <td><bdi dir="ltr">${track.phase}</bdi>${trouble ? html`<small class="it-bad">${trouble}</small>` : nothing}</td>
      <td><bdi dir="ltr">${track.size} ${track.fps ? `${track.fps}/s` : ""}</bdi><small dir="ltr">${track.encoder}</small></td>
      <td>${track.dropped}</td>
      <td>${track.peak_dbfs === null ? "" : html`<bdi dir="ltr">${db(track.peak_dbfs)} dBFS</bdi><small dir="ltr">${db(track.loudness_lufs)} LUFS</small>`}</td>
    </tr>`;
  }

  _fact(/** @type {string} */ key, /** @type {string} */ value) {
    return html`<div><dt dir=${this.panel.words.dir}>${this.t(key)}</dt><dd>${value}</dd></div>`;
  }
}

customElements.define("panel-it", It);
