// How loud a stream is, for the meters.

const QUIET_DB = -60;
const LOUD_DB = -14;

let shared = null;

/** Return the page's audio context, running: browsers start it only for a user who has pressed something. */
export function audioContext() {
  shared ??= new AudioContext();
  if (shared.state === "suspended") shared.resume().catch(() => {});
  return shared;
}

/** Measure a stream. `level()` is 0 (silence) to 1 (loud) right now. */
export function levelOf(stream) {
  const context = audioContext();
  const source = context.createMediaStreamSource(stream);
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  source.connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  return {
    level() {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const db = 10 * Math.log10(power + 1e-12);
      return Math.min(1, Math.max(0, (db - QUIET_DB) / (LOUD_DB - QUIET_DB)));
    },
    close() {
      source.disconnect();
    },
  };
}

/** Show levels on meters until stopped: `[element, function returning 0…1]` pairs, and anything else to do at each look. */
export function showLevels(pairs, also = () => {}) {
  const shown = pairs.map(() => 0);
  const timer = setInterval(() => {
    pairs.forEach(([element, level], index) => {
      shown[index] = Math.max(level(), shown[index] * 0.75);
      element.style.setProperty("--level", shown[index].toFixed(2));
    });
    also();
  }, 60);
  return () => {
    clearInterval(timer);
    for (const [element] of pairs) element.style.removeProperty("--level");
  };
}
