// Live runs: one EventSource per tab for all runs on the page (browsers allow about six connections a host).
//
//   <div data-run="17" data-run-open>   a run that is still going on; data-run-open is taken away when it ends
//   data-run-after="169-0"              optional: the page already shows the messages up to this one
//   GET /runs/events?run=17&run=18      the stream; its ids are "17=169-0;18=170-1" for all runs together
//
// Every message is unnamed and its data is JSON with `run` and `kind`. It is dispatched as a CustomEvent
// "run:<kind>", detail = the message, on every element with that data-run and then on document. The kinds that
// mean something here: "end" (the run is over; nothing more will come). "run:lost" and "run:back" tell that the
// connection broke and came back ("live:lost" and "live:back" on document). Nothing is lost or doubled in between:
// the browser sends Last-Event-ID by itself, and we pass it as `after` when the stream is opened anew.
// The event "runs-begun" ({ runs: [17] }, a header of the answer) opens the stream before the fragment is in place.
// Code that arrives later than the first messages (a chart is loaded on demand) asks `past(run)` for them.

const OPEN_AFTER_MS = 5; // fragments that arrive together open one stream
const LONGEST_PAUSE_MS = 20_000;
const REMEMBERED = 5000; // messages of one run

const begun = new Set(); // runs told by the server ("runs-begun") whose elements are not on the page yet
const messages = new Map(); // run -> its messages so far
const positions = new Map(); // run -> id of its last message
let source = null;
let following = "";
let timer = 0;
let failures = 0;

export function startLive() {
  document.addEventListener("htmx:load", () => schedule());
  document.addEventListener("htmx:afterSettle", () => schedule());
  document.addEventListener("runs-begun", ({ detail }) => {
    // The stream is opened while the page still puts the fragment in its place: what comes early is remembered.
    for (const run of detail.runs) begun.add(String(run));
    open();
  });
  // A phone that is back in a network need not wait, and what it had open in the old one may be dead unnoticed.
  window.addEventListener("online", reopen);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => event.persisted && schedule());
}

// For code that makes an element with data-run itself.
export function schedule(wait = OPEN_AFTER_MS) {
  clearTimeout(timer);
  timer = setTimeout(open, typeof wait === "number" ? wait : OPEN_AFTER_MS);
}

// What this tab has been told of a run, oldest first.
export function past(run) {
  return messages.get(String(run)) ?? [];
}

function remember(run, message) {
  const kept = messages.get(run) ?? [];
  messages.set(run, kept);
  kept.push(message);
  if (kept.length > REMEMBERED) kept.shift();
}

function openRuns() {
  const runs = new Set(begun);
  for (const element of document.querySelectorAll("[data-run][data-run-open]")) {
    const { dataset } = element;
    begun.delete(dataset.run);
    const last = past(dataset.run).at(-1);
    if (last?.kind === "end") {
      // It was over before its element was on the page.
      runs.delete(dataset.run);
      delete dataset.runOpen;
      element.dispatchEvent(new CustomEvent("run:end", { detail: last }));
      continue;
    }
    runs.add(dataset.run);
    if (dataset.runAfter && !positions.has(dataset.run)) positions.set(dataset.run, dataset.runAfter);
  }
  return [...runs].sort((a, b) => a - b);
}

function open() {
  const runs = openRuns();
  const wanted = runs.join(",");
  if (wanted === following && source && source.readyState !== EventSource.CLOSED) return;
  close();
  if (!runs.length) {
    told();
    return;
  }
  following = wanted;
  const query = new URLSearchParams(runs.map((run) => ["run", run]));
  const after = runs.filter((run) => positions.has(run)).map((run) => `${run}=${positions.get(run)}`);
  if (after.length) query.set("after", after.join(";"));
  source = new EventSource(`/runs/events?${query}`);
  source.onmessage = onMessage;
  source.onopen = told;
  source.onerror = onError;
}

// The stream is there again, or there is nothing left to follow: what was said of a lost connection is over.
function told() {
  if (failures) tellAll("back");
  failures = 0;
}

function reopen() {
  close();
  schedule();
}

function close() {
  source?.close();
  source = null;
  following = "";
}

function onMessage(event) {
  for (const part of event.lastEventId.split(";")) {
    const [run, id] = part.split("=");
    if (id) positions.set(run, id);
  }
  const message = JSON.parse(event.data);
  const run = String(message.run);
  remember(run, message);
  if (message.kind === "end") begun.delete(run);
  const elements = document.querySelectorAll(`[data-run="${CSS.escape(run)}"]`);
  for (const element of elements) {
    if (message.kind === "end") delete element.dataset.runOpen;
    element.dispatchEvent(new CustomEvent(`run:${message.kind}`, { detail: message }));
  }
  document.dispatchEvent(new CustomEvent(`run:${message.kind}`, { detail: message }));
  if (message.kind === "end") schedule();
}

// The browser reconnects by itself while readyState is CONNECTING; after a refusal it gives up and we wait.
function onError() {
  failures += 1;
  if (failures === 1) tellAll("lost");
  if (source?.readyState !== EventSource.CLOSED) return;
  const pause = Math.min(LONGEST_PAUSE_MS, 1000 * 2 ** (failures - 1));
  close();
  schedule(pause * (0.75 + Math.random() / 2));
}

function tellAll(kind) {
  for (const element of document.querySelectorAll("[data-run][data-run-open]")) {
    element.dispatchEvent(new CustomEvent(`run:${kind}`, { detail: { run: Number(element.dataset.run), kind } }));
  }
  document.dispatchEvent(new CustomEvent(`live:${kind}`));
}
