// A graph of one series over a period: echoes (mean in its band, loss as bars), octets, or light. Gaps are gaps.
//
//   <div data-history-chart data-url="/watch/series/7?since=...&until=..." data-since="..." data-until="..."></div>

import uPlot from "uplot";

export async function drawHistory(place) {
  if (place.dataset.drawn !== undefined) return;
  place.dataset.drawn = "";
  let found;
  try {
    const answer = await fetch(place.dataset.url, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
    found = await answer.json();
  } catch {
    return say(place, place.dataset.labelFault);
  }
  if (!found.columns[0].length) return say(place, place.dataset.labelEmpty);
  let plot = make(place, found);
  const size = new ResizeObserver(() => (place.isConnected ? plot.setSize(sizeOf(place)) : stop()));
  const restyle = () => {
    if (!place.isConnected) return stop();
    plot.destroy();
    plot = make(place, found);
  };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const stop = () => {
    size.disconnect();
    document.removeEventListener("theme", restyle);
    dark.removeEventListener("change", restyle);
    plot.destroy();
  };
  document.addEventListener("theme", restyle);
  dark.addEventListener("change", restyle);
  size.observe(place);
}

function say(place, words) {
  const sentence = document.createElement("p");
  sentence.className = "muted";
  sentence.textContent = words ?? "";
  place.classList.add("is-empty");
  place.append(sentence);
}

function sizeOf(place) {
  return { width: Math.max(place.clientWidth, 120), height: 132 };
}

function make(place, { kind, columns }) {
  const style = getComputedStyle(place);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--ink-3"),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour("--line-soft"), width: 1 },
    ticks: { show: false },
  };
  const label = place.dataset;
  const line = (name, ink, more) => ({ label: name, stroke: colour(ink), width: 1.5, spanGaps: false, ...more });
  const hidden = { stroke: "transparent", width: 0, spanGaps: false, points: { show: false } };
  const kinds = {
    ping: {
      // The mean comes last, so that its band lies under it.
      columns: ([times, mean, low, high, loss]) => [times, low, high, loss, mean],
      series: [{}, hidden, hidden, { ...hidden, scale: "loss" }, line(label.labelAvg, "--accent")],
      bands: [{ series: [2, 1], fill: colour("--accent-wash") }],
      draw: (plot) => losses(plot, colour("--bad")),
      low: 0,
    },
    level: {
      series: [{}, line(label.labelRx, "--accent"), hidden, line(label.labelTx, "--violet")],
    },
  };
  const usage = {
    series: [{}, line(label.labelDown, "--accent", { fill: colour("--accent-wash") }), line(label.labelUp, "--violet"), hidden, hidden],
    low: 0,
  };
  const chosen = kinds[kind] ?? usage;
  const isPace = !kinds[kind];
  return new uPlot(
    {
      ...sizeOf(place),
      padding: [8, 8, 0, 0],
      legend: { show: false },
      cursor: { y: false, points: { size: 6 } },
      scales: {
        x: { time: true, range: [Number(label.since), Number(label.until)] },
        y: { range: (_, low, high) => ("low" in chosen ? [0, Math.max((high ?? 1) * 1.15, 1)] : [(low ?? -30) - 1, (high ?? 0) + 1]) },
        loss: { range: [0, 100] },
      },
      axes: [{ ...axis, size: 40 }, { ...axis, size: 46, values: (_, ticks) => ticks.map(isPace ? pace : String) }],
      series: chosen.series,
      bands: chosen.bands ?? [],
      hooks: { draw: [(plot) => chosen.draw?.(plot)] },
    },
    chosen.columns?.(columns) ?? columns,
    place,
  );
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
