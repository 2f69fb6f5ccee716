// A diagnosis on a page: each stage is filled in as its message arrives; the verdict comes with the finished run.
//
//   <article data-diagnosis-run data-run="17" data-run-open>
//     <li data-stage="port">   with [data-part="state|words|facts"]
//     <template data-stage-badge="good">   the badge of each state; <template data-badge="running"> that of the run
//
// The messages are those of tasks/diagnosis.py: started, stage (stage: {key, state, words, why_not, facts}), verdict.

import { past } from "./live.js";

export function followDiagnosis(place) {
  if (place.dataset.followed !== undefined) return;
  place.dataset.followed = "";
  for (const message of past(place.dataset.run)) {
    if (message.kind === "stage") show(place, message.stage);
    else if (message.kind === "started") showRunning(place);
  }
  place.addEventListener("run:started", ({ target }) => target === place && showRunning(place));
  place.addEventListener("run:stage", ({ detail, target }) => target === place && show(place, detail.stage));
}

function showRunning(place) {
  const badge = place.querySelector('template[data-badge="running"]');
  if (badge) place.querySelector('[data-part="status"]')?.replaceChildren(badge.content.cloneNode(true));
}

function show(place, stage) {
  const line = place.querySelector(`[data-stage="${CSS.escape(stage.key)}"]`);
  const badge = place.querySelector(`template[data-stage-badge="${CSS.escape(stage.state)}"]`);
  if (!line || !badge) return;
  line.querySelector('[data-part="state"]').replaceChildren(badge.content.cloneNode(true));
  line.querySelector('[data-part="words"]').textContent = stage.state === "unknown" ? stage.why_not : stage.words;
  line.querySelector('[data-part="facts"]').replaceChildren(...stage.facts.flatMap(pair));
}

function pair({ name, value }) {
  const term = document.createElement("dt");
  const text = document.createElement("dd");
  term.textContent = name;
  text.textContent = value;
  return [term, text];
}
