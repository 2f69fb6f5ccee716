// What every chart shares: its frame in the page's colours, and that it follows size, theme and removal.

import uPlot from "uplot";

// Draw `columns()` into the place as `options(style)` say; `redraw()` of what is returned draws them anew.
export function mount(place, height, options, columns) {
  const sizeOf = () => ({ width: Math.max(place.clientWidth, 120), height: height() });
  const make = () => new uPlot({ ...sizeOf(), ...FRAME, ...options(styleOf(place)) }, columns(), place);
  let plot = make();
  const size = new ResizeObserver(() => (place.isConnected ? plot.setSize(sizeOf()) : stop()));
  const restyle = () => {
    if (!place.isConnected) return stop();
    plot.destroy();
    plot = make();
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
  return { redraw: () => plot.setData(columns()) };
}

// Whether nobody has taken this place yet; whoever asks takes it.
export function take(place) {
  if (place.dataset.drawn !== undefined) return false;
  place.dataset.drawn = "";
  return true;
}

const FRAME = { padding: [8, 8, 0, 0], legend: { show: false } };

function styleOf(place) {
  const style = getComputedStyle(place);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--ink-3"),
    font: `11px ${style.fontFamily}`,
    grid: { stroke: colour("--line-soft"), width: 1 },
    ticks: { show: false },
  };
  return { colour, axis };
}
