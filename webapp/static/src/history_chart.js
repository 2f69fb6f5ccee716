// A graph of one series over a period: echoes (mean in its band, loss as bars), octets, or light. Gaps are gaps.
//
//   <div data-history-chart data-url="/watch/series/7?since=...&until=..." data-since="..." data-until="..."></div>

import { mount, take } from "./chart.js";

const HEIGHT = 132;

// A device may have a graph for each of its ports: one that nobody has scrolled to is not fetched.
const waiting = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      waiting.unobserve(target);
      draw(target);
    }
  },
  { rootMargin: "200px" },
);

export function drawHistory(place) {
  if (take(place)) waiting.observe(place);
}

async function draw(place) {
  let found;
  try {
    const answer = await fetch(place.dataset.url, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    found = await answer.json();
  } catch {
    return say(place, place.dataset.labelFault);
  }
  if (!found.columns[0].length) return say(place, place.dataset.labelEmpty);
  const shape = shapeOf(place, found.kind);
  const columns = shape.columns?.(found.columns) ?? found.columns;
  mount(place, () => HEIGHT, shape.options, () => columns);
  place.dataset.points = found.columns[0].length;
}

function say(place, words) {
  const sentence = document.createElement("p");
  sentence.className = "muted";
  sentence.textContent = words ?? "";
  place.classList.add("is-empty");
  place.append(sentence);
}

function shapeOf(place, kind) {
  const label = place.dataset;
  const isPace = kind !== "ping" && kind !== "level";
  const line = (name, ink, more) => ({ label: name, stroke: ink, width: 1.5, spanGaps: false, ...more });
  const hidden = { stroke: "transparent", width: 0, spanGaps: false, points: { show: false } };
  const kinds = {
    ping: ({ colour }) => ({
      series: [{}, hidden, hidden, { ...hidden, scale: "loss" }, line(label.labelAvg, colour("--accent"))],
      bands: [{ series: [2, 1], fill: colour("--accent-wash") }],
      hooks: { draw: [(plot) => losses(plot, colour("--bad"))] },
    }),
    level: ({ colour }) => ({
      series: [{}, line(label.labelRx, colour("--accent")), hidden, line(label.labelTx, colour("--violet"))],
    }),
    usage: ({ colour }) => ({
      series: [
        {},
        line(label.labelDown, colour("--accent"), { fill: colour("--accent-wash") }),
        line(label.labelUp, colour("--violet")),
        hidden,
        hidden,
      ],
    }),
  };
  const range = (_, low, high) =>
    kind === "level" ? [(low ?? -30) - 1, (high ?? 0) + 1] : [0, Math.max((high ?? 1) * 1.15, 1)];
  const options = (style) => ({
    cursor: { y: false, points: { size: 6 } },
    scales: {
      x: { time: true, range: [Number(label.since), Number(label.until)] },
      y: { range },
      loss: { range: [0, 100] },
    },
    axes: [
      { ...style.axis, size: 40, values: (_plot, ticks, _axis, _space, step) => times(ticks, step) },
      { ...style.axis, size: 46, values: (_, ticks) => ticks.map(isPace ? pace : String) },
    ],
    ...(kinds[kind] ?? kinds.usage)(style),
  });
  // The mean comes last, so that its band lies under it.
  const columns = kind === "ping" ? ([times, mean, low, high, loss]) => [times, low, high, loss, mean] : undefined;
  return { options, columns };
}

// Ticks in the page's language: the hour, with the day under the first of it; days alone from a day on.
function times(ticks, step) {
  const language = document.documentElement.lang || undefined;
  const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
  if (step >= 86_400) return ticks.map((tick) => day.format(tick * 1000));
  const hour = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit" });
  let before = "";
  return ticks.map((tick) => {
    const today = day.format(tick * 1000);
    const words = hour.format(tick * 1000) + (today === before ? "" : `\n${today}`);
    before = today;
    return words;
  });
}

function pace(bps) {
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (bps >= size) return `${Math.round((bps / size) * 10) / 10}${unit}`;
  }
  return String(Math.round(bps));
}

// A bar from the floor for what was lost; as high as the share of it.
function losses(plot, ink) {
  const { ctx, bbox } = plot;
  const [times, , , lost] = plot.data;
  const width = Math.max(2, Math.min(8, bbox.width / Math.max(times.length, 1)));
  ctx.save();
  ctx.fillStyle = ink;
  for (let index = 0; index < times.length; index += 1) {
    if (!lost[index]) continue;
    const x = plot.valToPos(times[index], "x", true);
    const height = (bbox.height * lost[index]) / 100;
    if (x >= bbox.left && x <= bbox.left + bbox.width) ctx.fillRect(x - width / 2, bbox.top + bbox.height - height, width, height);
  }
  ctx.restore();
}
