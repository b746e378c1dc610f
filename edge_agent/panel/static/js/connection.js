/**
 * One WebSocket to the agent, opened again and again. It says what came and when contact was lost;
 * it never decides what is shown.
 */

/** Silence after which the panel has lost contact. The server speaks every 2 s. */
export const SILENCE_MS = 5000;
const BEAT_MS = 2000;
/** Waits between attempts; the last one is repeated. */
const RETRY_MS = [250, 500, 1000, 2000];
const NOT_ALLOWED = 4401;

/**
 * @typedef {object} Listener
 * @property {(message: any) => void} message a JSON message
 * @property {(frame: DataView<ArrayBuffer>) => void} frame a binary frame
 * @property {(contact: boolean) => void} contact it was found or lost
 * @property {() => void} refused nobody is signed in here any more
 */

export class Connection {
  /**
   * @param {string} url
   * @param {Listener} listener
   * @param {(url: string) => WebSocket} open
   */
  constructor(url, listener, open = (address) => new WebSocket(address)) {
    this._url = url;
    this._listener = listener;
    this._open = open;
    /** @type {WebSocket | null} */
    this._socket = null;
    this._heard = 0;
    this._attempt = 0;
    this._contact = false;
    this._running = false;
    this._retry = 0;
    this._watch = 0;
  }

  start() {
    if (this._running) return;
    this._running = true;
    this._heard = performance.now();
    this._watch = window.setInterval(() => this._look(), BEAT_MS / 2);
    this._connect();
  }

  stop() {
    this._running = false;
    window.clearInterval(this._watch);
    window.clearTimeout(this._retry);
    this._drop();
  }

  /** Send if there is somebody; what is lost is asked for again after the next snapshot. */
  send(/** @type {object} */ message) {
    if (this._socket?.readyState === WebSocket.OPEN) this._socket.send(JSON.stringify(message));
  }

  /** A page that slept looks at once, not at its next tick. */
  woke() {
    if (this._running) this._look();
  }

  _connect() {
    this._drop();
    const socket = this._open(this._url);
    socket.binaryType = "arraybuffer";
    socket.onmessage = (event) => this._received(socket, event.data);
    socket.onclose = (event) => this._closed(socket, event.code);
    this._socket = socket;
    this._opened = performance.now();
  }

  _drop() {
    const socket = this._socket;
    this._socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  _received(/** @type {WebSocket} */ socket, /** @type {any} */ data) {
    if (socket !== this._socket) return;
    this._heard = performance.now();
    this._attempt = 0;
    if (typeof data === "string") {
      this._tell(true);
      this._listener.message(JSON.parse(data));
    } else {
      this._listener.frame(new DataView(data));
    }
  }

  _closed(/** @type {WebSocket} */ socket, /** @type {number} */ code) {
    if (socket !== this._socket) return;
    this._socket = null;
    if (code === NOT_ALLOWED) {
      this.stop();
      this._listener.refused();
      return;
    }
    const wait = RETRY_MS[Math.min(this._attempt++, RETRY_MS.length - 1)];
    this._retry = window.setTimeout(() => this._running && this._connect(), wait);
  }

  /** The beat, and the look whether the other side still speaks. */
  _look() {
    this.send({ type: "beat" });
    const now = performance.now();
    if (now - this._heard < SILENCE_MS) return;
    this._tell(false);
    // A half-open socket never closes by itself.
    if (this._socket && now - (this._opened ?? 0) > SILENCE_MS) this._connect();
  }

  _tell(/** @type {boolean} */ contact) {
    if (contact === this._contact) return;
    this._contact = contact;
    this._listener.contact(contact);
  }
}
