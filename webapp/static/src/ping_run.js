// One ping run on a page: its figures, its replies (newest first) and its state, kept true by the live stream.
//
//   <article data-ping-run data-run="17" data-run-open>
//     [data-figure="rtt_last_ms|rtt_range|loss_percent|jitter_ms|count"]   filled from every reply
//     <ol data-part="replies" data-word-timeout data-word-duplicate data-word-from>   one line a reply
//     [data-part="status"]      its badge; <template data-badge="done"> holds the one of each state
//     [data-part="dot"], [data-part="stop"]   taken away when the run is over
//
// The messages are those of tasks/diagnose.py: started, reply (seq, rtt_ms, reason, so_far), summary, end.

import { past } from "./live.js";

const LINES = 300; // older replies leave the list, not the run

// The same question asked again takes the place of its last answer: the list does not grow with every press.
export function replaceOlder(place) {
  for (const other of place.parentElement?.children ?? []) {
    const isSame = other.dataset.question === place.dataset.question;
    if (other !== place && isSame && other.dataset.runOpen === undefined) other.remove();
  }
}

export function followPing(place) {
  if (place.dataset.followed !== undefined) return;
  place.dataset.followed = "";
  const told = new Set();
  const tell = { started, reply: (where, message) => reply(where, message, told), summary, end };
  for (const message of past(place.dataset.run)) tell[message.kind]?.(place, message);
  for (const [kind, act] of Object.entries(tell)) {
    place.addEventListener(`run:${kind}`, ({ detail, target }) => target === place && act(place, detail));
  }
}

function part(place, name) {
  return place.querySelector(`[data-part="${name}"]`);
}

function figure(place, name, text, isBad = false) {
  const box = place.querySelector(`[data-figure="${name}"]`);
  if (!box) return;
  box.textContent = text;
  box.classList.toggle("text-bad", isBad);
}

function number(value, digits = 2) {
  if (value === null || value === undefined) return "–";
  return value.toLocaleString(document.documentElement.lang || undefined, { maximumFractionDigits: digits });
}

function badge(place, status) {
  const made = place.querySelector(`template[data-badge="${CSS.escape(status)}"]`);
  if (made) part(place, "status")?.replaceChildren(made.content.cloneNode(true));
}

function started(place) {
  badge(place, "running");
}

function reply(place, message, told) {
  const key = `${message.seq}/${message.is_duplicate}`;
  if (told.has(key)) return;
  told.add(key);
  figure(place, "rtt_last_ms", message.rtt_ms === null ? "×" : number(message.rtt_ms), message.rtt_ms === null);
  figures(place, message.so_far);
  const list = part(place, "replies");
  if (!list) return;
  list.prepend(line(list, message));
  while (list.childElementCount > LINES) list.lastElementChild.remove();
}

function figures(place, sums) {
  figure(place, "rtt_range", `${number(sums.rtt_min_ms)} / ${number(sums.rtt_max_ms)}`);
  figure(place, "loss_percent", `${number(sums.loss_percent)} %`, sums.loss_percent > 0);
  figure(place, "jitter_ms", number(sums.jitter_ms));
  figure(place, "count", `${number(sums.received)} / ${number(sums.sent)}`);
}

function line(list, message) {
  const item = document.createElement("li");
  const sequence = document.createElement("span");
  sequence.className = "seq";
  sequence.textContent = message.seq;
  const words = document.createElement("span");
  if (message.rtt_ms === null) {
    item.className = "is-lost";
    words.textContent = lost(list.dataset, message);
  } else {
    words.textContent = `${number(message.rtt_ms, 3)} ${list.dataset.wordMs}${message.ttl ? `  ttl ${message.ttl}` : ""}`;
    if (message.is_duplicate) words.textContent += `  ${list.dataset.wordDuplicate}`;
  }
  item.append(sequence, words);
  return item;
}

function lost(words, { reason, sender }) {
  const [, said, router] = /^(.+?) from (\S+)$/.exec(reason) ?? [reason, reason];
  const known = JSON.parse(words.known ?? "{}")[said];
  const other = known ? known + (router && !sender ? ` (${router})` : "") : reason;
  const text = reason === "timeout" ? words.wordTimeout : other;
  return sender ? `${sender} ${words.wordFrom}: ${text}` : text;
}

function summary(place, message) {
  if (message.sent !== undefined) figures(place, message);
}

function end(place, message) {
  badge(place, message.status);
  part(place, "dot")?.remove();
  part(place, "stop")?.remove();
  if (message.error && !part(place, "error")) {
    const box = document.createElement("p");
    box.className = "verdict text-bad";
    box.dataset.part = "error";
    box.textContent = message.error;
    place.querySelector(".run-head")?.after(box);
  }
}
