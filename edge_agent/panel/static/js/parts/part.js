/**
 * What all parts of the panel have in common. They render into the page itself, not into shadow
 * trees: one style sheet, one language and one direction for all.
 *
 * @typedef {import("../panel.js").Panel} Panel
 */

import { LitElement } from "../../vendor/lit.js";

export class Part extends LitElement {
  static properties = { panel: { attribute: false }, seen: { attribute: false } };

  constructor() {
    super();
    /** @type {Panel} what is known, and what may be done about it */
    this.panel = /** @type {any} */ (null);
    /** Changes with each change of the panel, so that this part is drawn again. */
    this.seen = 0;
  }

  createRenderRoot() {
    return this;
  }

  /** @param {string} key @param {Record<string, string | number>} [values] */
  t(key, values) {
    return this.panel.words.t(key, values);
  }

  get state() {
    return this.panel.held.state;
  }
}

/** A part that is drawn again by the clock while it is on the page. */
export class Ticking extends Part {
  /** Milliseconds between looks. */
  static every = 250;

  connectedCallback() {
    super.connectedCallback();
    const every = /** @type {typeof Ticking} */ (this.constructor).every;
    this._tick = window.setInterval(() => this.requestUpdate(), every);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    window.clearInterval(this._tick);
  }
}
