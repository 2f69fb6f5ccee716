// Forms: ask before what cannot be taken back, warn before typed text is lost, one submit per press.
//
//   data-confirm="Cut off 12 customers?"   on a form, a button or a link: ask first
//   data-confirm-title, data-confirm-yes   heading and the label of the accepting button
//   data-confirm-phrase="12"               the person must type this to accept
//   data-confirm-choice="Billed"           on a hidden select of the form: the question offers its choices
//   data-guard                             on a form: warn when leaving with unsaved text
//   data-submit-on-change                  on a form or a field: send the form when a field changes

import htmx from "./globals.js";

const accepted = new WeakSet();

export function startForms() {
  document.addEventListener("htmx:confirm", onHtmxConfirm);
  document.addEventListener("submit", onSubmit, true);
  document.addEventListener("click", onLinkClick, true);
  document.addEventListener("input", (event) => markDirty(event.target));
  document.addEventListener("change", onChange);
  window.addEventListener("beforeunload", (event) => {
    if (document.querySelector("form[data-guard].is-dirty")) event.preventDefault();
  });
  window.addEventListener("pageshow", () => document.querySelectorAll(".is-sending").forEach(release));
  htmx.onLoad(focusFirstError);
}

function markDirty(target) {
  target.closest?.("form[data-guard]")?.classList.add("is-dirty");
}

function onChange(event) {
  const sender = event.target.closest("[data-submit-on-change]");
  if (!sender) return;
  const form = sender.matches("form") ? sender : sender.form ?? sender.closest("form");
  form?.requestSubmit();
}

// --- confirm

function question(element, submitter) {
  for (const candidate of [submitter, element, element?.form]) {
    if (candidate?.dataset?.confirm) return candidate;
  }
  return null;
}

function onHtmxConfirm(event) {
  const { elt, triggeringEvent } = event.detail;
  const asking = question(elt, triggeringEvent?.submitter);
  if (!asking || accepted.delete(asking)) return;
  event.preventDefault();
  ask(asking).then((yes) => yes && event.detail.issueRequest(true));
}

function onSubmit(event) {
  const form = event.target;
  const asking = question(form, event.submitter);
  if (asking && !isHtmx(form) && !accepted.delete(asking)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    ask(asking).then((yes) => {
      if (!yes) return;
      accepted.add(asking);
      form.requestSubmit(event.submitter);
    });
    return;
  }
  if (!isHtmx(form)) send(event, form);
}

function send(event, form) {
  // Not form.method: a field of that name (how a payment came) would stand in its place.
  if (form.getAttribute("method")?.toLowerCase() !== "post") return;
  if (form.classList.contains("is-sending")) {
    event.preventDefault(); // the second press of an impatient double click
    return;
  }
  form.classList.remove("is-dirty");
  form.classList.add("is-sending");
}

function release(form) {
  form.classList.remove("is-sending");
}

function isHtmx(element) {
  return element.matches("[hx-post], [hx-put], [hx-patch], [hx-delete], [hx-get]");
}

function onLinkClick(event) {
  const link = event.target.closest?.("a[data-confirm]");
  if (!link || isHtmx(link)) return;
  event.preventDefault();
  ask(link).then((yes) => yes && window.location.assign(link.href));
}

function ask(asking) {
  const dialog = document.getElementById("confirm");
  const part = (name) => dialog.querySelector(`[data-part="${name}"]`);
  const { confirm, confirmTitle, confirmYes, confirmPhrase } = asking.dataset;
  part("title").textContent = confirmTitle ?? part("title").dataset.plain;
  part("text").textContent = confirm;
  part("yes").textContent = confirmYes ?? part("yes").dataset.plain;
  part("phrase").hidden = !confirmPhrase;
  part("phrase-text").textContent = confirmPhrase ?? "";
  const typed = part("typed");
  typed.value = "";
  const check = () => {
    part("yes").disabled = Boolean(confirmPhrase) && typed.value.trim() !== confirmPhrase;
  };
  typed.oninput = check;
  check();
  const choice = (asking.form ?? asking).querySelector("[data-confirm-choice]");
  part("choice").hidden = !choice;
  part("choice-text").textContent = choice?.dataset.confirmChoice ?? "";
  part("chosen").replaceChildren(...[...(choice?.options ?? [])].map((one) => one.cloneNode(true)));
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const close = () => {
      const yes = dialog.returnValue === "yes";
      if (yes && choice) choice.value = part("chosen").value;
      resolve(yes);
    };
    dialog.addEventListener("close", close, { once: true });
  });
}

// --- after a refused form has come back

function focusFirstError(root) {
  root.querySelector?.(".field.has-error :is(input, select, textarea)")?.focus();
}
