/** What the server said, put together. Pure: the same messages give the same picture. */

/**
 * @typedef {object} Held
 * @property {any} state the panel's state, null before the first snapshot
 * @property {string} role what this browser may do
 * @property {number} offset server's milliseconds minus ours
 * @property {number} utc Unix milliseconds at `utcMs`
 * @property {number} utcMs server's milliseconds when `utc` was right
 * @property {number} zone minutes to add to UTC for the room's local time
 */

/** @type {Held} */
export const NOTHING = { state: null, role: "none", offset: 0, utc: 0, utcMs: 0, zone: 0 };

/**
 * @param {Held} held
 * @param {any} message
 * @param {number} now this browser's milliseconds
 * @returns {{held: Held, reply: object | null}} what is known now, and what to answer
 */
export function received(held, message, now) {
  const next = { ...held, offset: message.ms - now };
  switch (message.type) {
    case "snapshot":
      return { held: { ...next, state: message.state, role: message.role }, reply: null };
    case "beat":
      return {
        held: { ...next, utc: Date.parse(message.utc), utcMs: message.ms, zone: message.offset_min },
        reply: null,
      };
    case "patch":
      return patched(next, message);
    default:
      return { held: next, reply: null }; // a newer server's word
  }
}

function patched(/** @type {Held} */ held, /** @type {any} */ message) {
  if (!held.state) return { held, reply: null };
  if (message.rev <= held.state.rev) return { held, reply: null };
  if (message.rev > held.state.rev + 1) return { held, reply: { type: "snapshot" } };
  const state = { ...held.state, ...message.changes, rev: message.rev };
  return { held: { ...held, state }, reply: null };
}

/** Server milliseconds at our `now`. */
export const serverMs = (/** @type {Held} */ held, /** @type {number} */ now) => now + held.offset;

/** Unix milliseconds at our `now`, by the room's clock; 0 before it was told. */
export const unixMs = (/** @type {Held} */ held, /** @type {number} */ now) =>
  held.utc ? held.utc + serverMs(held, now) - held.utcMs : 0;

/** Milliseconds on a timer of the state. */
export function elapsed(/** @type {any} */ timer, /** @type {number} */ server) {
  if (!timer) return 0;
  return Math.max(0, timer.running ? timer.ms + server - timer.at_ms : timer.ms);
}
