/** What is wrong: one sentence, one picture, one thing to do, and whom to call. */

import { html, nothing } from "../../vendor/lit.js";
import { icon } from "../icons.js";
import { PROBLEMS, shown } from "../screen.js";
import { Part } from "./part.js";

class Problems extends Part {
  render() {
    const problems = shown(this.state.problems);
    const critical = problems.filter((problem) => problem.severity === "critical");
    const others = problems.filter((problem) => problem.severity !== "critical");
    // The alert stands in the page before it has something to say: else it is not read out.
    return html`<div role="alert">${critical.slice(0, 1).map((problem) => this._card(problem))}</div>
      ${critical.length ? nothing : others.slice(0, 1).map((problem) => this._card(problem))}
      ${this._rest(critical.length ? critical.slice(1).concat(others) : others.slice(1))}`;
  }

  _card(/** @type {any} */ problem) {
    const [sentence, advice, picture] = /** @type {any} */ (PROBLEMS)[problem.key];
    const { phone } = this.state.room;
    return html`<section class="problem problem-${problem.severity}">
      <span class="problem-picture">${icon(picture)}${icon("warn")}</span>
      <div>
        <strong>${this.t(sentence, this._values(problem))}</strong>
        <p>${this.t(advice)}</p>
      </div>
      ${phone && problem.severity === "critical"
        ? html`<span class="problem-call">${this.t("help.call", { phone: "\u2066" + phone + "\u2069" })}</span>`
        : nothing}
    </section>`;
  }

  _rest(/** @type {any[]} */ problems) {
    if (!problems.length) return nothing;
    return html`<ul class="problem-rest">
      ${problems.map((problem) => {
        const [sentence] = /** @type {any} */ (PROBLEMS)[problem.key];
        return html`<li>${icon("warn")}<span>${this.t(sentence, this._values(problem))}</span></li>`;
      })}
    </ul>`;
  }

  /** @param {any} problem @returns {Record<string, string>} */
  _values(problem) {
    const { minutes } = problem.numbers;
    return minutes === undefined ? {} : { minutes: this.panel.formats.unit("minute", minutes) };
  }
}

customElements.define("panel-problems", Problems);
