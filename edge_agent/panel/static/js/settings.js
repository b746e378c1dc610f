/** What this one browser remembers. The language is not among it: it belongs to the lecture. */

const NAME = "panel-settings";
export const THEMES = ["dark", "light", "contrast"];

/** @typedef {{theme: string, tones: boolean, meter: boolean}} Settings */

/** @type {Settings} */
const DEFAULTS = { theme: "dark", tones: true, meter: true };

/** @returns {Settings} */
export function load() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(NAME) ?? "{}") };
  } catch {
    return DEFAULTS; // storage is forbidden or holds nonsense
  }
}

export function save(/** @type {Settings} */ settings) {
  try {
    localStorage.setItem(NAME, JSON.stringify(settings));
  } catch {
    // Then it lasts until the page is loaded again.
  }
}
