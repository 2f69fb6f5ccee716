// The frame around every page: keys, theme, navigation, menus, copying, ages of things, server messages.
import { arm, say } from "./toasts.js";

const AGE_EVERY_MS = 20_000;
const THEMES = ["auto", "light", "dark"];

export function startShell() {
  document.addEventListener("keydown", onKey);
  document.addEventListener("click", onClick);
  for (const toast of document.querySelectorAll("#toasts > .toast")) {
    arm(toast, toast.matches(".toast-ok, .toast-info"));
  }
  showTheme();
  refreshAges();
  setInterval(refreshAges, AGE_EVERY_MS);
  document.addEventListener("htmx:load", () => refreshAges());
  document.addEventListener("toast", (event) => say(event.detail.text, { kind: event.detail.kind }));
}

// --- keys: "/" finds, "?" lists the keys, Esc closes what is open, "g" then a letter goes to a page

let leader = 0;

function isTyping(target) {
  return target.closest?.("input, textarea, select, [contenteditable]") !== null;
}

function onKey(event) {
  if (event.key === "Escape") return closeSomething(event);
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (document.querySelector("dialog[open]")) return;
  if (event.key === "/") {
    const box = document.getElementById("search");
    if (!box) return;
    event.preventDefault();
    box.focus();
    box.select();
  } else if (event.key === "?") {
    event.preventDefault();
    document.getElementById("shortcuts")?.showModal();
  } else if (event.key === "g") {
    leader = Date.now();
  } else if (Date.now() - leader < 1200) {
    leader = 0;
    document.querySelector(`[data-go="${CSS.escape(event.key)}"]`)?.click();
  } else {
    document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
  }
}

function closeSomething(event) {
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (document.documentElement.dataset.nav === "open") {
    delete document.documentElement.dataset.nav;
  } else if (event.target.id === "search") {
    event.target.blur();
  } else if (!document.querySelector("dialog[open]")) {
    event.target.closest?.("form")?.querySelector("[data-cancel]")?.click();
  }
}

// --- clicks on parts that only exist to move the frame

function onClick(event) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  const root = document.documentElement;
  const part = event.target.closest?.("[data-copy], [data-theme-next], [data-nav-toggle], [data-dialog], [data-close], [data-print]");
  if (!part) {
    if (root.dataset.nav === "open" && !event.target.closest(".rail")) delete root.dataset.nav;
    return;
  }
  if (part.dataset.copy !== undefined) copy(part);
  else if (part.dataset.themeNext !== undefined) nextTheme();
  else if (part.dataset.navToggle !== undefined) toggleRail();
  else if (part.dataset.dialog) document.getElementById(part.dataset.dialog)?.showModal();
  else if (part.dataset.close !== undefined) part.closest("dialog")?.close();
  else if (part.dataset.print !== undefined) window.print();
}

function toggleRail() {
  const root = document.documentElement;
  if (matchMedia("(max-width: 760px)").matches) {
    if (root.dataset.nav === "open") delete root.dataset.nav;
    else root.dataset.nav = "open";
    return;
  }
  if (root.dataset.rail === "narrow") delete root.dataset.rail;
  else root.dataset.rail = "narrow";
  store("rail", root.dataset.rail ?? null);
}

async function copy(part) {
  const text = part.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copyTheOldWay(text); // the clipboard is not offered on plain http
  }
  part.classList.add("is-copied");
  setTimeout(() => part.classList.remove("is-copied"), 1200);
}

function copyTheOldWay(text) {
  const box = document.createElement("textarea");
  box.value = text;
  box.className = "visually-hidden";
  document.body.append(box);
  box.select();
  document.execCommand("copy");
  box.remove();
}

// --- theme

function store(key, value) {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // Not remembered: no harm.
  }
}

function nextTheme() {
  const root = document.documentElement;
  const next = THEMES[(THEMES.indexOf(root.dataset.theme ?? "auto") + 1) % THEMES.length];
  if (next === "auto") delete root.dataset.theme;
  else root.dataset.theme = next;
  store("theme", next === "auto" ? null : next);
  showTheme();
  document.dispatchEvent(new CustomEvent("theme"));
}

function showTheme() {
  const theme = document.documentElement.dataset.theme ?? "auto";
  for (const button of document.querySelectorAll("[data-theme-next]")) {
    for (const word of button.querySelectorAll("[data-of-theme]")) word.hidden = word.dataset.ofTheme !== theme;
  }
}

// --- "3 min ago" keeps being true while the page is open

const STEPS = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

export function ageInWords(seconds, language) {
  const words = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });
  for (const [unit, length] of STEPS) {
    if (Math.abs(seconds) >= length) return words.format(-Math.trunc(seconds / length), unit);
  }
  return words.format(-Math.trunc(seconds), "second");
}

function refreshAges() {
  const language = document.documentElement.lang || "en";
  for (const element of document.querySelectorAll("time[data-age]")) {
    const seconds = (Date.now() - Date.parse(element.dateTime)) / 1000;
    if (!Number.isFinite(seconds)) continue;
    const text = ageInWords(seconds, language);
    if (element.textContent !== text) element.textContent = text;
    const limit = Number(element.dataset.staleAfter);
    if (limit) element.classList.toggle("is-stale", seconds > limit);
  }
}
