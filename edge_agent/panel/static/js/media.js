/** Previews and levels: they come often, so they pass by the state and go straight to their parts. */

const PREVIEW = 1;
const LEVEL = 2;

export class Media extends EventTarget {
  /** @param {(message: object) => void} send */
  constructor(send) {
    super();
    this._send = send;
    this._fps = 0;
  }

  /** A binary frame: u8 kind, u8 source, u32 ms, payload. Kinds of a newer server are left out. */
  frame(/** @type {DataView<ArrayBuffer>} */ frame) {
    const source = frame.getUint8(1);
    if (frame.getUint8(0) === PREVIEW) {
      const jpeg = new Blob([frame.buffer.slice(frame.byteOffset + 6)], { type: "image/jpeg" });
      const taken = this.dispatchEvent(new CustomEvent(`preview-${source}`, { detail: jpeg, cancelable: true }));
      // Nobody shows it: acknowledge, else the source would wait for ever.
      if (taken) this.seen(source);
    } else if (frame.getUint8(0) === LEVEL) {
      const detail = { peak: frame.getInt16(6) / 100, rms: frame.getInt16(8) / 100 };
      this.dispatchEvent(new CustomEvent(`level-${source}`, { detail }));
    }
  }

  seen(/** @type {number} */ source) {
    this._send({ type: "seen", source });
  }

  /** How many pictures a second are wanted; told again after each new connection. */
  want(/** @type {number} */ fps) {
    if (fps === this._fps) return;
    this._fps = fps;
    this.again();
  }

  again() {
    this._send({ type: "previews", fps: this._fps });
  }
}
