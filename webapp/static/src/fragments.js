// htmx: the CSRF token on every request, and words plus a retry when a fragment cannot be had.
import htmx from "./globals.js";
import { icon, say } from "./toasts.js";

export function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.content ?? "";
}

export function startFragments() {
  document.addEventListener("htmx:configRequest", (event) => {
    if (event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = csrfToken();
  });
  document.addEventListener("htmx:beforeRequest", (event) => {
    event.detail.elt.closest("form")?.classList.add("is-sending");
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const form = event.detail.elt.closest("form");
    form?.classList.remove("is-sending");
    if (event.detail.successful) form?.classList.remove("is-dirty");
  });
  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (!isErrorPage(detail)) return;
    detail.shouldSwap = false;
    detail.isError = true;
  });
  document.addEventListener("htmx:responseError", (event) => failed(event.detail, wordsOf(event.detail.xhr)));
  document.addEventListener("htmx:sendError", (event) => failed(event.detail, text("offline")));
  document.addEventListener("htmx:timeout", (event) => failed(event.detail, text("slow")));
}

function text(name) {
  return document.getElementById("toasts")?.dataset[name] ?? name;
}

// 409 and 422 bring a refused form back, which is swapped in; an error that has no form is words for a toast.
function isErrorPage({ xhr, serverResponse }) {
  return xhr.status >= 400 && /^\s*<p data-error/.test(serverResponse);
}

// The server answers a fragment request with a small piece of HTML that says what to do.
function wordsOf(xhr) {
  const isHtml = (xhr.getResponseHeader("Content-Type") ?? "").includes("html");
  if (isHtml && xhr.responseText.length < 8000) {
    const parsed = new DOMParser().parseFromString(xhr.responseText, "text/html");
    const words = (parsed.querySelector("[data-error]") ?? parsed.body).textContent.replace(/\s+/g, " ").trim();
    if (words) return words;
  }
  return `${text("failed")} (${xhr.status})`;
}

function failed(detail, words) {
  const { requestConfig, elt, target } = detail;
  const config = requestConfig ?? {};
  const again = () =>
    htmx.ajax("GET", config.path, { source: elt.isConnected ? elt : undefined, target: target ?? elt });
  if (config.verb !== "get") {
    say(words, { kind: "bad" }); // what was typed is still in the form: pressing again is the retry
    return;
  }
  const waiting = target?.querySelector?.(".is-loading") ?? (target?.matches?.(".is-loading") ? target : null);
  if (waiting) showInPlace(waiting, words, again);
  else say(words, { kind: "bad", action: text("retry"), onAction: again });
}

function showInPlace(place, words, again) {
  const box = document.createElement("div");
  box.className = "empty empty-bad is-loading";
  const sentence = document.createElement("p");
  sentence.textContent = words;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "btn btn-sm";
  button.textContent = text("retry");
  button.addEventListener("click", again);
  box.append(icon("alert-triangle"), sentence, button);
  place.replaceWith(box);
}
