// The phone's forms: sent without leaving the page, sent once, and never lost when the network is away.
//
//   data-send            on a form: sent by fetch; the answer's HX-Redirect leads on, its HX-Trigger tells events
//   data-into="#runs"    the fragment of the answer goes to the top of this element
//   data-replace         the fragment of the answer takes the form's place
//   data-keep="visit-7"  what is typed is kept in sessionStorage until it was sent, and put back after a reload
//   a field named once   the mark by which the server knows the form again; a new one after each success

import { say } from "./toasts.js";

const PATIENCE_MS = 20_000;
const SHELF = "unsent:";

let onFragment = () => {};

export function startSending(start) {
  onFragment = start;
  document.addEventListener("submit", onSubmit);
  document.addEventListener("input", ({ target }) => keep(target.form));
  document.querySelectorAll("form[data-keep]").forEach(putBack);
}

function text(name) {
  return document.getElementById("toasts")?.dataset[name] ?? name;
}

async function onSubmit(event) {
  const form = event.target;
  if (!form.matches("[data-send]")) return;
  event.preventDefault();
  if (form.classList.contains("is-sending")) return; // the second press of an impatient thumb
  keep(form);
  form.classList.add("is-sending");
  try {
    const body = new URLSearchParams(new FormData(form, event.submitter));
    accept(form, await fetchFragment(form.action, { method: "POST", body }));
  } catch (error) {
    say(error instanceof Refused ? error.message : text("offline"), { kind: "bad" });
  } finally {
    form.classList.remove("is-sending");
  }
}

// The server said no, in words: what was typed stays in the form.
class Refused extends Error {}

export async function fetchFragment(url, options = {}) {
  const headers = {
    "HX-Request": "true",
    "HX-Current-URL": window.location.href,
    "X-CSRFToken": document.querySelector('meta[name="csrf-token"]').content,
  };
  const answer = await fetch(url, { ...options, headers, signal: AbortSignal.timeout(PATIENCE_MS) });
  const leadsTo = answer.headers.get("HX-Redirect");
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (answer.status === 401 && leadsTo) window.location.assign(leadsTo); // what was typed is kept meanwhile
  if (!answer.ok) {
    const words = (parsed.querySelector("[data-error]") ?? parsed.body).textContent.replace(/\s+/g, " ").trim();
    throw new Refused(words.slice(0, 400) || `${text("failed")} (${answer.status})`);
  }
  const told = JSON.parse(answer.headers.get("HX-Trigger") ?? "{}");
  return { element: parsed.body.firstElementChild, leadsTo, told };
}

function accept(form, { element, leadsTo, told }) {
  forget(form);
  const once = form.elements.namedItem("once");
  if (once) once.value = newMark();
  for (const [name, detail] of Object.entries(told)) document.dispatchEvent(new CustomEvent(name, { detail }));
  if (leadsTo) {
    window.location.assign(leadsTo);
    return;
  }
  if (element && form.dataset.into) putOnTop(document.querySelector(form.dataset.into), element);
  else if (element && form.dataset.replace !== undefined) form.replaceWith(element);
}

function putOnTop(place, element) {
  document.getElementById(element.id)?.remove();
  for (const other of [...place.children]) {
    const isSame = other.dataset.question === element.dataset.question;
    if (isSame && other.dataset.runOpen === undefined) other.remove();
  }
  place.prepend(element);
  onFragment(element);
  element.scrollIntoView({ block: "nearest" });
}

// Not crypto.randomUUID: it is not offered on plain http.
function newMark() {
  return [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// --- what was typed and not sent yet

function typed(form) {
  return [...form.elements].filter(({ name, type }) => name && !["hidden", "submit", "button"].includes(type));
}

function keep(form) {
  if (!form?.dataset?.keep) return;
  const values = typed(form).map(({ name, value }) => [name, value]);
  shelf((store) => store.setItem(SHELF + form.dataset.keep, JSON.stringify(values)));
}

function forget(form) {
  if (form.dataset.keep) shelf((store) => store.removeItem(SHELF + form.dataset.keep));
}

function putBack(form) {
  const kept = JSON.parse(shelf((store) => store.getItem(SHELF + form.dataset.keep)) ?? "[]");
  let isChanged = false;
  for (const [name, value] of kept) {
    const field = form.elements.namedItem(name);
    if (!field || field.value === value) continue;
    field.value = value;
    isChanged = true;
  }
  if (!isChanged) return;
  const words = document.createElement("p");
  words.className = "unsent";
  words.textContent = text("kept");
  form.prepend(words);
  const folded = form.closest("details");
  if (folded) folded.open = true;
}

function shelf(act) {
  try {
    return act(window.sessionStorage);
  } catch {
    return null; // a browser that keeps nothing: the page itself still holds the words
  }
}
