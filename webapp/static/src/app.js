// The one entry of every page. Maps and charts are heavy and load only where a page has one.
import htmx from "./globals.js";
import { startShell } from "./shell.js";
import { startForms } from "./forms.js";
import { startFragments } from "./fragments.js";
import { startLive } from "./live.js";
import { makeCheckAll, makeNarrowing, makeSortable } from "./table_tools.js";
import { followDiagnosis } from "./diagnosis_run.js";
import { followPing, replaceOlder } from "./ping_run.js";

async function startWidgets(root) {
  const maps = htmx.findAll(root, "[data-map]");
  const charts = htmx.findAll(root, "[data-ping-chart]");
  htmx.findAll(root, "[data-ping-run]").forEach(followPing);
  if (root.matches?.("[data-question][data-run-open]")) replaceOlder(root);
  if (root.matches?.("[data-ping-run]")) followPing(root);
  htmx.findAll(root, "[data-diagnosis-run]").forEach(followDiagnosis);
  if (root.matches?.("[data-diagnosis-run]")) followDiagnosis(root);
  if (root.matches?.("[data-map]")) import("./map.js").then((module) => module.drawMap(root));
  if (root.matches?.("[data-ping-chart]")) import("./ping_chart.js").then((module) => module.drawChart(root));
  htmx.findAll(root, "table[data-sortable]").forEach(makeSortable);
  htmx.findAll(root, "[data-narrows]").forEach(makeNarrowing);
  htmx.findAll(root, "[data-check-all]").forEach(makeCheckAll);
  const histories = htmx.findAll(root, "[data-history-chart]");
  if (histories.length) import("./history_chart.js").then((module) => histories.forEach(module.drawHistory));
  if (maps.length) import("./map.js").then((module) => maps.forEach(module.drawMap));
  if (charts.length) import("./ping_chart.js").then((module) => charts.forEach(module.drawChart));
}

startShell();
startForms();
startFragments();
startLive();
htmx.onLoad(startWidgets);
