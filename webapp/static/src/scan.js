// The camera reads a label: BarcodeDetector where the browser has it, else words why not; typing is always possible.
// Loaded when the button is pressed. https://wicg.github.io/shape-detection-api/#barcode-detection-api

const FORMATS = [
  "code_128", "code_39", "code_93", "codabar", "itf", "ean_13", "ean_8", "upc_a", "upc_e",
  "qr_code", "data_matrix", "pdf417", "aztec",
];
const EVERY_MS = 150;
const GATHER_MS = 700; // a label carries several codes: they are read together before one is taken
const MAC = /(?<![0-9a-f])(?:[0-9a-f]{2}[:-]){5}[0-9a-f]{2}(?![0-9a-f])|(?<![0-9a-z])[0-9a-f]{12}(?![0-9a-z])/i;
const SERIAL = /\b(?:s\/?n|serial(?:\s*no\.?)?)\s*[:=#]\s*([0-9a-z._/-]{4,60})/i;

export async function scan(button) {
  const field = document.querySelector(button.dataset.scan);
  const words = field.form.querySelector('[data-part="scan-words"]');
  words.hidden = true;
  const why = (name) => {
    words.textContent = words.dataset[name];
    words.hidden = false;
    field.focus();
  };
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) return why("wordInsecure");
  const detector = await makeDetector();
  if (!detector) return why("wordNodetector");
  button.disabled = true;
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: { ideal: "environment" } } });
    const code = await look(detector, stream);
    if (code) {
      field.value = code;
      field.form.requestSubmit();
    }
  } catch (error) {
    why(reason(error));
  } finally {
    button.disabled = false;
  }
}

async function makeDetector() {
  if (!("BarcodeDetector" in window)) return null;
  const known = await window.BarcodeDetector.getSupportedFormats().catch(() => []);
  const formats = FORMATS.filter((name) => known.includes(name));
  return formats.length ? new window.BarcodeDetector({ formats }) : null;
}

function reason({ name }) {
  if (name === "NotAllowedError" || name === "SecurityError") return "wordRefused";
  if (name === "NotFoundError" || name === "OverconstrainedError") return "wordNocamera";
  return name === "NotReadableError" ? "wordBusy" : "wordFailed";
}

// Show the camera until a code is taken (returned) or the dialog is closed (null).
async function look(detector, stream) {
  const dialog = document.getElementById("scanner");
  const video = dialog.querySelector("video");
  const codes = dialog.querySelector('[data-part="codes"]');
  codes.replaceChildren();
  video.srcObject = stream;
  dialog.showModal();
  let timer = 0;
  try {
    await video.play();
    return await new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(null), { once: true });
      gather(detector, video, codes, resolve, (next, wait) => (timer = setTimeout(next, wait)));
    });
  } finally {
    clearTimeout(timer);
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
    if (dialog.open) dialog.close();
  }
}

function gather(detector, video, codes, take, later) {
  const seen = new Set();
  let firstAt = 0;
  const turn = async () => {
    const found = await detector.detect(video).catch(() => []); // a frame that is not ready yet
    for (const { rawValue } of found) if (rawValue.trim()) seen.add(meaning(rawValue));
    if (seen.size && !firstAt) firstAt = performance.now();
    if (!firstAt || performance.now() - firstAt < GATHER_MS) return later(turn, EVERY_MS);
    if (seen.size === 1) return take([...seen][0]);
    return offer([...seen], codes, take);
  };
  later(turn, EVERY_MS);
}

function offer(found, codes, take) {
  const title = document.createElement("p");
  title.textContent = codes.dataset.wordChoose;
  const buttons = found.map((code) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn mono";
    button.textContent = code;
    button.addEventListener("click", () => take(code));
    return button;
  });
  codes.replaceChildren(title, ...buttons);
  buttons[0].focus();
}

// What of a code is looked for: the MAC in it, the serial in it, else all of it.
export function meaning(code) {
  return (MAC.exec(code)?.[0] ?? SERIAL.exec(code)?.[1] ?? code.trim()).slice(0, 80);
}
