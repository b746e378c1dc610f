/** Short quiet tones: pause, resume, stop, alarm. Quiet, because the microphone hears them too. */

/** Hertz, each 120 ms long. */
const TONES = { pause: [523, 392], resume: [392, 523], stop: [523, 392, 262], alarm: [740, 0, 740] };
const STEP_S = 0.12;
const LOUDNESS = 0.05;

export class Tones {
  constructor() {
    this.on = true;
    /** @type {AudioContext | null} */
    this._context = null;
  }

  play(/** @type {keyof typeof TONES} */ name) {
    if (!this.on) return;
    this._context ??= new AudioContext();
    const context = this._context;
    TONES[name].forEach((hertz, step) => {
      if (!hertz) return;
      const gain = context.createGain();
      const at = context.currentTime + step * STEP_S;
      gain.gain.setValueAtTime(LOUDNESS, at);
      gain.gain.exponentialRampToValueAtTime(0.001, at + STEP_S);
      const tone = context.createOscillator();
      tone.frequency.value = hertz;
      tone.connect(gain).connect(context.destination);
      tone.start(at);
      tone.stop(at + STEP_S);
    });
  }
}
