/** A PIN by touch, keyboard, pasting or a password manager; or the code of a paired tablet. */

import { html } from "../../vendor/lit.js";
import { icon } from "../icons.js";
import { Part } from "./part.js";

const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "", "0"];

class Pin extends Part {
  render() {
    return html`<form class="pin" @submit=${(/** @type {SubmitEvent} */ event) => this._submit(event)}>
      <label><span>${this.t("pin.label")}</span>
        <input name="pin" type="password" inputmode="numeric" autocomplete="current-password" maxlength="64" dir="ltr" required></label>
      <div class="keypad" dir="ltr">
        ${KEYS.map((key) => (key ? html`<button type="button" @click=${() => this._type(key)}>${key}</button>` : html`<span></span>`))}
        <button type="button" aria-label=${this.t("pin.erase")} @click=${() => this._type("")}>${icon("erase")}</button>
      </div>
      <button class="strong" type="submit">${this.t("pin.enter")}</button>
    </form>`;
  }

  get _input() {
    return /** @type {HTMLInputElement} */ (this.querySelector("input"));
  }

  _type(/** @type {string} */ key) {
    this._input.value = key ? this._input.value + key : this._input.value.slice(0, -1);
  }

  async _submit(/** @type {SubmitEvent} */ event) {
    event.preventDefault();
    await this.panel.signIn({ pin: this._input.value });
    if (this.isConnected) this._input.value = "";
  }
}

class SignIn extends Part {
  render() {
    return html`<div class="stage sign-in">
      <p>${this.t("signin.more")}</p>
      <panel-pin .panel=${this.panel} .seen=${this.seen}></panel-pin>
    </div>`;
  }
}

customElements.define("panel-pin", Pin);
customElements.define("panel-sign-in", SignIn);
