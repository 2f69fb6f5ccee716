// A small chart of one ping run: RTT over the sequence number; a lost packet is a cross and a gap, not a colour.
//
//   <div data-ping-chart data-run="17" data-replies='[[0, 1.23], [1, null]]' data-label-rtt="RTT, ms"></div>
//
// It listens for "run:reply" on itself (live.js): detail.seq, detail.rtt_ms (null = no answer came).

import { mount, take } from "./chart.js";
import { past } from "./live.js";

const SHOWN = 240; // older replies leave the chart, not the run

export function drawChart(place) {
  if (!take(place)) return;
  const replies = JSON.parse(place.dataset.replies || "[]");
  const rtts = new Map(replies.map(([seq, rtt]) => [seq, rtt]));
  for (const message of past(place.dataset.run)) {
    if (message.kind === "reply") rtts.set(message.seq, message.rtt_ms);
  }
  const height = () => Math.max(place.clientHeight, 90);
  const chart = mount(place, height, (style) => optionsOf(place, style), () => columns(rtts));
  let isWaiting = false;
  const redraw = () => {
    isWaiting = false;
    chart.redraw();
  };
  place.addEventListener("run:reply", ({ detail }) => {
    rtts.set(detail.seq, detail.rtt_ms);
    if (!isWaiting) requestAnimationFrame(redraw);
    isWaiting = true;
  });
}

function columns(rtts) {
  const seqs = [...rtts.keys()].sort((a, b) => a - b).slice(-SHOWN);
  return [seqs, seqs.map((seq) => rtts.get(seq) ?? null)];
}

function optionsOf(place, { colour, axis }) {
  return {
    cursor: { y: false, points: { size: 7 } },
    scales: {
      x: { time: false, range: (_, low, high) => [low ?? 0, Math.max(high ?? 0, (low ?? 0) + 9)] },
      y: { range: (_, low, high) => [0, Math.max((high ?? 1) * 1.2, 1)] },
    },
    axes: [
      { ...axis, size: 24, values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? tick : "")) },
      { ...axis, size: 42, values: (_, ticks) => ticks.map(trim) },
    ],
    series: [
      {},
      {
        label: place.dataset.labelRtt ?? "RTT, ms",
        stroke: colour("--accent"),
        width: 1.5,
        fill: colour("--accent-wash"),
        spanGaps: false,
        points: { show: true, size: 4, fill: colour("--accent") },
      },
    ],
    hooks: { draw: [(plot) => crosses(plot, colour("--bad"), colour("--bad-wash"))] },
  };
}

function trim(value) {
  return value >= 10 ? String(Math.round(value)) : String(Math.round(value * 100) / 100);
}

function crosses(plot, ink, wash) {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio || 1;
  const arm = 3.5 * ratio;
  const y = bbox.top + bbox.height - 9 * ratio;
  const [seqs, rtts] = plot.data;
  const step = seqs.length > 1 ? Math.abs(plot.valToPos(1, "x", true) - plot.valToPos(0, "x", true)) : 8 * ratio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.lineWidth = 1.75 * ratio;
  ctx.strokeStyle = ink;
  ctx.fillStyle = wash;
  for (let index = 0; index < seqs.length; index += 1) {
    if (rtts[index] !== null) continue;
    const x = plot.valToPos(seqs[index], "x", true);
    ctx.fillRect(x - step / 2, bbox.top, step, bbox.height);
    ctx.beginPath();
    ctx.moveTo(x - arm, y - arm);
    ctx.lineTo(x + arm, y + arm);
    ctx.moveTo(x + arm, y - arm);
    ctx.lineTo(x - arm, y + arm);
    ctx.stroke();
  }
  ctx.restore();
}
