/** Words in the reader's language, from the compiled catalogues. */

import { Formats } from "./formats.js";

/**
 * @typedef {object} Language
 * @property {string} tag
 * @property {string} name its own name for itself
 * @property {"ltr" | "rtl"} dir
 * @property {boolean} draft no native reader has seen it yet
 */

/** Marks a key that is looked up through a variable, so that extraction finds it. */
export const N_ = (/** @type {string} */ key) => key;

export class Words {
  /** @param {any} catalogue a file of locale/ @param {"latin" | "native"} digits */
  constructor(catalogue, digits = "latin") {
    this.tag = catalogue.tag;
    this.dir = catalogue.dir;
    this._messages = catalogue.messages;
    // Plural rules are right in every browser, even where it lacks the language's dates.
    this._plural = new Intl.PluralRules(catalogue.tag);
    this.formats = new Formats(catalogue.formats, this._plural, digits === "native" ? catalogue.digits : "");
  }

  /** @param {string} key @param {Record<string, string | number>} values */
  t(key, values = {}) {
    const found = this._messages[key];
    return fill(typeof found === "string" ? found : (found?.other ?? key), values);
  }

  /** The form for `n`, which is `{n}` in the text. */
  n(/** @type {string} */ key, /** @type {number} */ n) {
    const forms = this._messages[key] ?? {};
    return fill(forms[this._plural.select(n)] ?? forms.other ?? key, { n: this.formats.number(n) });
  }
}

function fill(/** @type {string} */ text, /** @type {Record<string, string | number>} */ values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** @returns {Promise<Language[]>} */
export async function languages() {
  return (await fetch("locale/index.json")).json();
}

/** @param {string} tag @param {"latin" | "native"} digits */
export async function words(tag, digits) {
  return new Words(await (await fetch(`locale/${tag}.json`)).json(), digits);
}
