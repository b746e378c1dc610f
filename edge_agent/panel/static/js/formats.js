/**
 * Numbers, times, days and durations from a table made with Babel: browsers fall back to English
 * for several of our languages. Times are shown in the room's zone, 24 hours, in the room's digits.
 */

const MINUTE = 60_000;

export class Formats {
  /**
   * @param {any} table
   * @param {Intl.PluralRules} plural
   * @param {string} digits ten digits, or nothing for 0 to 9
   */
  constructor(table, plural, digits) {
    this._table = table;
    this._plural = plural;
    this._digits = digits ? [...digits] : null;
  }

  number(/** @type {number | string} */ n) {
    const text = String(n);
    const digits = this._digits;
    return digits ? text.replace(/\d/g, (digit) => digits[Number(digit)]) : text;
  }

  percent(/** @type {number} */ n) {
    return this._table.percent.replace("{0}", this.number(Math.floor(n)));
  }

  /** 00:42:17 */
  timer(/** @type {number} */ ms) {
    const all = Math.floor(ms / 1000);
    const parts = [Math.floor(all / 3600), Math.floor(all / 60) % 60, all % 60];
    return this.number(parts.map((part) => String(part).padStart(2, "0")).join(":"));
  }

  /** 10:00 */
  time(/** @type {number | string} */ utc, /** @type {number} */ zone) {
    return this.number(local(utc, zone).toISOString().slice(11, 16));
  }

  /** Sun 22 Nov */
  day(/** @type {number | string} */ utc, /** @type {number} */ zone) {
    const at = local(utc, zone);
    /** @type {Record<string, string>} */
    const fields = {
      E: this._table.days[at.getUTCDay()],
      d: this.number(at.getUTCDate()),
      M: this._table.months[at.getUTCMonth()],
      m: this.number(at.getUTCMonth() + 1),
    };
    return this._table.day.map((/** @type {any} */ part) => (part.field ? fields[part.field] : part.text)).join("");
  }

  /** 1 hr 30 min */
  duration(/** @type {number} */ seconds) {
    if (seconds < 60) return this.unit("second", Math.floor(seconds));
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return this.unit("minute", minutes);
    const rest = minutes % 60;
    const hours = this.unit("hour", Math.floor(minutes / 60));
    return rest ? `${hours} ${this.unit("minute", rest)}` : hours;
  }

  unit(/** @type {"hour" | "minute" | "second"} */ unit, /** @type {number} */ n) {
    const forms = this._table.units[unit];
    return (forms[this._plural.select(n)] ?? forms.other).replace("{0}", this.number(n));
  }
}

/** A date whose UTC fields are the room's local ones. */
function local(/** @type {number | string} */ utc, /** @type {number} */ zone) {
  return new Date((typeof utc === "number" ? utc : Date.parse(utc)) + zone * MINUTE);
}
