/** The frame of the pages that are opened over the stage: a way back, a title, what is in it. */

import { html, nothing } from "../../vendor/lit.js";
import { icon } from "../icons.js";

/** @param {import("./part.js").Part} part @param {string} title @param {unknown} inside @param {unknown} [beside] the title */
export const page = (part, title, inside, beside = nothing) => html`<div class="page">
  <div class="page-head">
    <button class="back" @click=${() => part.panel.open("")}>${icon("back")}<span>${part.t("btn.back")}</span></button>
    <h2 tabindex="-1" id="page-title">${part.t(title)}</h2>
    ${beside}
  </div>
  <div class="page-body">${inside}</div>
</div>`;
