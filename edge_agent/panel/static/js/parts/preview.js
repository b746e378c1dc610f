/** A live picture with its name and verdict below. */

import { html, nothing } from "../../vendor/lit.js";
import { icon } from "../icons.js";
import { N_ } from "../i18n.js";
import { SOURCES } from "../screen.js";
import { Part } from "./part.js";

const VERDICTS = {
  ok: ["tick", N_("source.ok")],
  recording: ["tick", N_("source.ok")],
  starting: ["wait", N_("source.starting")],
  lost: ["fault", N_("source.lost")],
  muted: ["mute", N_("source.muted")],
};

class Preview extends Part {
  static properties = { ...Part.properties, source: { attribute: false } };

  constructor() {
    super();
    /** @type {any} */
    this.source = null;
    this._listening = -1;
    this._paint = (/** @type {Event} */ event) => this._show(/** @type {CustomEvent} */ (event));
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this._listen(-1);
  }

  updated() {
    this._listen(this.isConnected ? this.source.number : -1);
  }

  render() {
    const { role, state } = this.source;
    const [shape, verdict] = /** @type {any} */ (VERDICTS)[state];
    const name = this.t(/** @type {any} */ (SOURCES)[role] ?? N_("source.camera"));
    return html`<figure class="picture picture-${state}">
      <div class="frame">
        <canvas width="640" height="360" role="img" aria-label=${name}></canvas>
        ${state === "lost" ? html`<span class="no-picture">${icon("fault")}</span>` : nothing}
      </div>
      <figcaption>${icon(shape)}<span>${name}</span><span class="verdict">${this.t(verdict)}</span></figcaption>
    </figure>`;
  }

  _listen(/** @type {number} */ number) {
    if (number === this._listening) return;
    this.panel.media.removeEventListener(`preview-${this._listening}`, this._paint);
    this._listening = number;
    if (number >= 0) this.panel.media.addEventListener(`preview-${number}`, this._paint);
  }

  async _show(/** @type {CustomEvent} */ event) {
    event.preventDefault(); // acknowledged below, when it is on the screen
    const source = this._listening;
    try {
      const picture = await createImageBitmap(event.detail);
      const canvas = /** @type {HTMLCanvasElement | null} */ (this.querySelector("canvas"));
      if (canvas) {
        if (canvas.width !== picture.width || canvas.height !== picture.height) {
          canvas.width = picture.width;
          canvas.height = picture.height;
        }
        canvas.getContext("2d")?.drawImage(picture, 0, 0);
      }
      picture.close();
    } catch (error) {
      if (!(error instanceof DOMException)) throw error; // a torn JPEG costs itself
    }
    if (source >= 0) this.panel.media.seen(source);
  }
}

customElements.define("panel-preview", Preview);
