// The one entry of the phone's pages: no htmx and no charts; what is heavy (the camera) loads when it is asked for.
//
//   data-refresh="/field/run/17"   on a run: fetched in its place when the run is over
//   data-scan="#scan-text"         on a button: reads a barcode into that field and sends its form (scan.js)
//   data-where="#near"             on a button: puts where we are into that form and sends it
//   #connection                    shown while the live stream or the network is away
// Forms: see field_forms.js.

import { followDiagnosis } from "./diagnosis_run.js";
import { fetchFragment, startSending } from "./field_forms.js";
import { schedule, startLive } from "./live.js";
import { followPing } from "./ping_run.js";
import { startShell } from "./shell.js";

const TRY_AGAIN_MS = 3000;
const WHERE = { enableHighAccuracy: true, timeout: 15_000, maximumAge: 30_000 };

export function startRun(place) {
  if (place.matches("[data-ping-run]")) followPing(place);
  if (place.matches("[data-diagnosis-run]")) followDiagnosis(place);
  if (place.dataset.refresh) place.addEventListener("run:end", () => refresh(place), { once: true });
}

// The finished run in the place of the live one; without a connection it is tried again until the page is left.
async function refresh(place) {
  try {
    const { element } = await fetchFragment(place.dataset.refresh);
    if (!element || !place.isConnected) return;
    place.replaceWith(element);
    startRun(element);
  } catch {
    setTimeout(() => place.isConnected && refresh(place), TRY_AGAIN_MS);
  }
}

// --- words while the connection is away

function startConnection() {
  const strip = document.getElementById("connection");
  const away = new Set();
  const tell = (what, isAway) => {
    if (isAway) away.add(what);
    else away.delete(what);
    strip.hidden = away.size === 0;
  };
  document.addEventListener("live:lost", () => tell("stream", true));
  document.addEventListener("live:back", () => tell("stream", false));
  window.addEventListener("offline", () => tell("network", true));
  window.addEventListener("online", () => tell("network", false));
  if (navigator.onLine === false) tell("network", true);
}

// --- where am I

function whereAmI(button) {
  const form = document.querySelector(button.dataset.where);
  const words = form.querySelector('[data-part="where-words"]');
  const say = (name) => {
    button.disabled = false;
    words.textContent = words.dataset[name];
    words.hidden = false;
  };
  words.hidden = true;
  if (!window.isSecureContext || !navigator.geolocation) return say("wordInsecure");
  button.disabled = true;
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      button.disabled = false;
      form.elements.lat.value = coords.latitude.toFixed(6);
      form.elements.lon.value = coords.longitude.toFixed(6);
      form.requestSubmit();
    },
    ({ code }) => say({ 1: "wordRefused", 3: "wordSlow" }[code] ?? "wordUnknown"),
    WHERE,
  );
}

function onClick(event) {
  const where = event.target.closest?.("[data-where]");
  if (where) whereAmI(where);
  const scan = event.target.closest?.("[data-scan]");
  if (scan) import("./scan.js").then((module) => module.scan(scan));
}

startShell();
startSending(startRun);
startConnection();
document.addEventListener("click", onClick);
document.querySelectorAll("[data-run]").forEach(startRun);
startLive();
schedule();
