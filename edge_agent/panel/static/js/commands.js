/** Presses and questions over HTTP. An answer that was lost is asked for again with the same key. */

const ATTEMPTS = 3;
const WAIT_MS = 700;

/** What went wrong, as a code that has words in the catalogue. */
export class Refused extends Error {
  constructor(/** @type {string} */ code, /** @type {number} */ status = 0) {
    super(code);
    this.code = code;
    this.status = status;
  }
}

/** New for each press. `crypto.randomUUID` is missing on plain HTTP. */
function freshKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/**
 * @param {string} method
 * @param {string} path below /api/v1/
 * @param {object} [body]
 * @returns {Promise<any>} the answer's JSON
 * @throws {Refused}
 */
export async function ask(method, path, body) {
  /** @type {RequestInit} */
  const request = { method, credentials: "same-origin", cache: "no-store" };
  if (body) {
    request.headers = { "Content-Type": "application/json" };
    request.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(`/api/v1/${path}`, request);
  } catch {
    throw new Refused("no-contact");
  }
  if (answer.ok) return answer.status === 204 ? null : answer.json();
  const told = await answer.json().catch(() => null);
  throw new Refused(told?.error?.code ?? "unknown", answer.status);
}

/** Carry out a command once, however often the network loses it. */
export async function press(/** @type {string} */ name, /** @type {number} */ base, args = {}) {
  const body = { key: freshKey(), base, args };
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask("POST", `commands/${name}`, body);
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "no-contact" || attempt === ATTEMPTS) {
        throw error;
      }
      await new Promise((done) => setTimeout(done, WAIT_MS));
    }
  }
}
