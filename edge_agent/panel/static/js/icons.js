/** Shapes: drawn, not letters of a font, so that every browser has them. Never mirrored. */

import { html, svg } from "../vendor/lit.js";

const SHAPES = {
  ring: svg`<circle cx="12" cy="12" r="8" fill="none" stroke="currentColor" stroke-width="3"/>`,
  record: svg`<circle cx="12" cy="12" r="9"/>`,
  stop: svg`<rect x="4" y="4" width="16" height="16" rx="1.5"/>`,
  pause: svg`<rect x="5" y="4" width="5" height="16" rx="1"/><rect x="14" y="4" width="5" height="16" rx="1"/>`,
  resume: svg`<path d="M6 3.5v17l15-8.5z"/>`,
  mark: svg`<path d="M5 3h2v18H5zM8 4h11l-3 4.5 3 4.5H8z"/>`,
  wait: svg`<path d="M6 3h12v4l-4 5 4 5v4H6v-4l4-5-4-5z" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linejoin="round"/>`,
  tick: svg`<path d="M4 12.5l5.5 5.5L20 6.5" fill="none" stroke="currentColor" stroke-width="3.2" stroke-linecap="round" stroke-linejoin="round"/>`,
  fault: svg`<path d="M5.5 5.5l13 13m0-13l-13 13" stroke="currentColor" stroke-width="3.4" stroke-linecap="round"/>`,
  warn: svg`<path d="M12 2.5L23 21.5H1z"/><path class="cut" d="M11 9h2v6h-2zM11 16.5h2v2h-2z"/>`,
  lost: svg`<path d="M3 9a13 13 0 0 1 18 0M6.5 13a8 8 0 0 1 11 0" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round"/><circle cx="12" cy="18" r="2"/><path d="M4 3l16 18" stroke="currentColor" stroke-width="2.4" stroke-linecap="round"/>`,
  mic: svg`<rect x="8.5" y="2" width="7" height="12" rx="3.5"/><path d="M5 11a7 7 0 0 0 14 0M12 18v4M8 22h8" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"/>`,
  mute: svg`<rect x="8.5" y="2" width="7" height="12" rx="3.5"/><path d="M5 11a7 7 0 0 0 14 0M12 18v4M8 22h8M3 3l18 18" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"/>`,
  camera: svg`<path d="M2 6h14v12H2zM17 10l5-3.5v11L17 14z"/>`,
  slides: svg`<path d="M2 4h20v12H2z" fill="none" stroke="currentColor" stroke-width="2.2"/><path d="M12 16v4M8 21h8" stroke="currentColor" stroke-width="2.2" stroke-linecap="round"/>`,
  disk: svg`<ellipse cx="12" cy="5.5" rx="8.5" ry="3.2"/><path d="M3.5 8.5v9c0 1.8 3.8 3.4 8.5 3.4s8.5-1.6 8.5-3.4v-9c-1.8 1.4-5 2-8.5 2s-6.7-.6-8.5-2z"/>`,
  power: svg`<path d="M9 2v6M15 2v6M6 8h12v4a6 6 0 0 1-12 0zM12 18v4" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"/>`,
  key: svg`<circle cx="7.5" cy="12" r="4.5" fill="none" stroke="currentColor" stroke-width="2.6"/><path d="M12 12h10M18 12v4.5" stroke="currentColor" stroke-width="2.6" stroke-linecap="round"/>`,
  send: svg`<path d="M12 3v14M6 9l6-6 6 6M4 21h16" fill="none" stroke="currentColor" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/>`,
  globe: svg`<circle cx="12" cy="12" r="9.2" fill="none" stroke="currentColor" stroke-width="2"/><path d="M3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18" fill="none" stroke="currentColor" stroke-width="1.8"/>`,
  help: svg`<path d="M8 8.5a4 4 0 1 1 5.5 3.7c-1 .5-1.5 1.2-1.5 2.8" fill="none" stroke="currentColor" stroke-width="2.8" stroke-linecap="round"/><circle cx="12" cy="19.5" r="1.9"/>`,
  listen: svg`<path d="M3 9v6h4l6 5V4L7 9z"/><path d="M16 8.5a5 5 0 0 1 0 7M18.5 5.5a9 9 0 0 1 0 13" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round"/>`,
  people: svg`<circle cx="12" cy="7" r="4"/><path d="M4 21c0-5 3.5-8 8-8s8 3 8 8z"/>`,
  back: svg`<path d="M15 4l-8 8 8 8" fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/>`,
  erase: svg`<path d="M8 5h13v14H8l-6-7zM12 9.5l5 5m0-5l-5 5" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/>`,
  bin: svg`<path d="M4 6.5h16M9 6V3.5h6V6M6 6.5l1 14h10l1-14M10 10.5v6M14 10.5v6" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round" stroke-linejoin="round"/>`,
  again: svg`<path d="M20 12a8 8 0 1 1-2.5-5.8M20 3v4.5h-4.5" fill="none" stroke="currentColor" stroke-width="2.6" stroke-linecap="round" stroke-linejoin="round"/>`,
};

/** @param {string} name */
export const icon = (name) =>
  html`<svg class="icon icon-${name}" viewBox="0 0 24 24" fill="currentColor" aria-hidden="true" focusable="false">${/** @type {any} */ (SHAPES)[name]}</svg>`;
