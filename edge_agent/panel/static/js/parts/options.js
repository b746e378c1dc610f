/** Language, colours, tones. A language is a button in that language; drafts say that they are. */

import { html, nothing } from "../../vendor/lit.js";
import { icon } from "../icons.js";
import { N_ } from "../i18n.js";
import { page } from "./page.js";
import { Part } from "./part.js";

/** @type {Record<string, string>} */
const THEMES = { dark: N_("theme.dark"), light: N_("theme.light"), contrast: N_("theme.contrast") };

class Options extends Part {
  render() {
    const { settings } = this.panel;
    return page(this, N_("options.title"), html`
      <div class="choices" role="group" aria-label=${this.t("options.language")}>
        ${this.panel.offered.map((/** @type {import("../i18n.js").Language} */ language) => this._language(language))}
      </div>
      <h3>${this.t("options.look")}</h3>
      <div class="choices" role="group" aria-label=${this.t("options.look")}>
        ${Object.entries(THEMES).map(
          ([theme, words]) => html`<button aria-pressed=${String(settings.theme === theme)}
            @click=${() => this.panel.set({ theme })}>${icon("tick")}<span>${this.t(words)}</span></button>`,
        )}
        ${this._switch("tones", N_("options.tones"))} ${this._switch("meter", N_("options.meter"))}
      </div>
      ${this.state.pin_set || this.panel.may("it")
        ? html`<div class="choices"><button class="quiet" @click=${() => this.panel.open("it")}>
            ${icon("key")}<span>${this.t("it.title")}</span></button></div>`
        : nothing}
    `);
  }

  _language(/** @type {import("../i18n.js").Language} */ language) {
    const chosen = language.tag === this.panel.words.tag;
    return html`<button lang=${language.tag} dir=${language.dir} aria-pressed=${String(chosen)}
      @click=${() => this.panel.speak(language.tag)}>
      ${icon("tick")}<span>${language.name}
      ${language.draft ? html`<small class="draft" lang=${this.panel.words.tag} dir=${this.panel.words.dir}>${this.t("options.draft")}</small>` : nothing}</span>
    </button>`;
  }

  _switch(/** @type {"tones" | "meter"} */ name, /** @type {string} */ words) {
    const on = this.panel.settings[name];
    return html`<button aria-pressed=${String(on)} @click=${() => this.panel.set({ [name]: !on })}>
      ${icon("tick")}<span>${this.t(words)}</span></button>`;
  }
}

class Help extends Part {
  render() {
    const { phone, help_text: text, help_url: url } = this.state.room;
    return page(this, N_("help.title"), html`
      ${phone ? html`<p class="help-call">${this.panel.call()}</p>` : nothing}
      ${text ? html`<p class="page-lead"><bdi>${text}</bdi></p>` : nothing}
      ${url ? html`<p class="page-lead"><bdi dir="ltr">${url}</bdi></p>` : nothing}
      <ul class="help-list">
        ${[N_("help.start"), N_("help.pause"), N_("help.stop"), N_("help.leave")].map((key) => html`<li>${this.t(key)}</li>`)}
      </ul>
    `);
  }
}

customElements.define("panel-options", Options);
customElements.define("panel-help", Help);
