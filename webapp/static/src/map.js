// Maps: many customers with clusters, or one point that can be set by a click. No tile server is needed.
//
//   <div class="map" data-map data-lat="49.84" data-lon="24.03" data-zoom="13">
//
//   data-points-url       GeoJSON of points; properties: status ok|warn|bad|off|unknown, name, number, note, url;
//                         a point with `count` is a cluster made by the server
//   data-points-by-view   fetch again after every move, with ?bbox=west,south,east,north&zoom=
//   data-background-url   GeoJSON of our own drawing; properties: kind pop|building|cable|area, name
//   data-point='[lat, lon]'   one marker (the customer's); with data-point-status, or among many others with
//                         data-point-title and data-point-url: a pin that stands out and says whose it is
//   data-pick="#form"     a click proposes a point; the form's [name=latitude], [name=longitude] are filled and
//                         its [data-accept] buttons become enabled: nothing is stored before they are pressed
//   data-tiles, data-tiles-by     an optional tile URL template and its attribution
//   data-filters="#form"  a form whose fields are added to the points' query; a change fetches again

import L from "./leaflet_global.js";
import "leaflet.markercluster";
import { say } from "./toasts.js";

const RANK = { bad: 4, warn: 3, unknown: 2, off: 1, ok: 0 };
// Shapes differ as well as colours: round = fine, triangle = warning, square with a cross = down.
const SHAPES = {
  ok: '<circle cx="9" cy="9" r="6.5"/><path d="m6 9 2.2 2.2L12 7" class="pin-sign"/>',
  warn: '<path d="M9 1.8 17 16H1z"/><path d="M9 6.5v4.2M9 13v.4" class="pin-sign"/>',
  bad: '<rect x="2" y="2" width="14" height="14" rx="2.5"/><path d="m6 6 6 6m0-6-6 6" class="pin-sign"/>',
  off: '<path d="M9 1.5 16.5 9 9 16.5 1.5 9z"/><path d="M6 9h6" class="pin-sign"/>',
  unknown: '<circle cx="9" cy="9" r="6.5" class="pin-hollow"/>',
};

export function drawMap(place) {
  if (place.dataset.drawn !== undefined) return;
  place.dataset.drawn = "";
  const { lat, lon, zoom, tiles, tilesBy } = place.dataset;
  const point = place.dataset.point ? JSON.parse(place.dataset.point) : null;
  const map = L.map(place, { maxZoom: 19, minZoom: 3, zoomControl: false, attributionControl: Boolean(tiles) });
  map.setView(point ?? [Number(lat || 0), Number(lon || 0)], Number(zoom || 13));
  L.control.zoom({ position: "bottomright" }).addTo(map);
  L.control.scale({ imperial: false, position: "bottomleft" }).addTo(map);
  if (tiles) L.tileLayer(tiles, { attribution: tilesBy, maxZoom: 19 }).addTo(map);
  if (place.dataset.backgroundUrl) drawBackground(map, place.dataset.backgroundUrl);
  if (place.dataset.pointsUrl) drawPoints(map, place);
  if (place.dataset.pick) pickPoint(map, place, point);
  else if (point && place.dataset.pointTitle) showChosen(map, place.dataset, point);
  else if (point) L.marker(point, { icon: pin(place.dataset.pointStatus), keyboard: false }).addTo(map);
  const size = new ResizeObserver(() => {
    if (place.isConnected) map.invalidateSize({ animate: false });
    else {
      size.disconnect();
      map.remove();
    }
  });
  size.observe(place);
}

async function getJson(url) {
  const answer = await fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

function text(name) {
  return document.getElementById("toasts")?.dataset[name] ?? name;
}

// --- own background: POPs, buildings, cable lines

async function drawBackground(map, url) {
  map.createPane("ground").style.zIndex = 350;
  try {
    const drawing = await getJson(url);
    L.geoJSON(drawing, {
      pane: "ground",
      style: ({ properties }) => ({ className: `ground ground-${properties.kind}` }),
      pointToLayer: ({ properties }, at) => ground(properties, at),
      onEachFeature: ({ properties, geometry }, layer) => {
        if (properties.name && geometry.type !== "Point") layer.bindTooltip(escaped(properties.name), { sticky: true });
      },
    }).addTo(map);
  } catch {
    say(text("failed"), { kind: "warn" });
  }
}

function ground(properties, at) {
  if (properties.kind !== "pop") {
    return L.circleMarker(at, { pane: "ground", radius: 3, className: `ground ground-${properties.kind}` });
  }
  const icon = L.divIcon({ className: "ground-pop", html: `<span>${escaped(properties.name)}</span>`, iconSize: null });
  return L.marker(at, { pane: "ground", icon, interactive: false, keyboard: false });
}

// --- customers

function drawPoints(map, place) {
  const cluster = L.markerClusterGroup({
    // Close by only those of one house stay together: a press spreads them out.
    maxClusterRadius: (zoom) => (zoom < 18 ? 44 : 4),
    showCoverageOnHover: false,
    chunkedLoading: true,
    iconCreateFunction: (group) => {
      const statuses = group.getAllChildMarkers().map((marker) => marker.options.status);
      return bubble(group.getChildCount(), worst(statuses));
    },
  }).addTo(map);
  const form = place.dataset.filters ? document.querySelector(place.dataset.filters) : null;
  let isFirst = place.dataset.fit !== undefined;
  let turn = 0;
  let known = null; // the part of the map whose customers are all here, one by one
  const load = async () => {
    const mine = (turn += 1);
    const part = map.getBounds().pad(0.25);
    known = null;
    const url = new URL(place.dataset.pointsUrl, window.location.href);
    if (form) for (const [name, value] of new FormData(form)) if (value) url.searchParams.append(name, value);
    if (form && !url.searchParams.has("state")) url.searchParams.set("state", "none"); // all boxes empty: nobody
    if (place.dataset.pointsByView !== undefined) {
      url.searchParams.set("bbox", part.toBBoxString());
      url.searchParams.set("zoom", map.getZoom());
    }
    place.classList.add("is-busy");
    try {
      const points = await getJson(url);
      if (mine !== turn) return; // a later question was asked meanwhile
      cluster.clearLayers();
      cluster.addLayers(points.features.map(marker));
      if (!points.features.some(({ properties }) => properties.count)) known = part;
      if (isFirst && points.features.length) map.fitBounds(cluster.getBounds(), { maxZoom: 16, padding: [24, 24] });
      isFirst = false;
      place.dispatchEvent(new CustomEvent("map:points", { bubbles: true, detail: points }));
    } catch {
      say(text("failed"), { kind: "bad", action: text("retry"), onAction: load });
    } finally {
      if (mine === turn) place.classList.remove("is-busy");
    }
  };
  // Fetched anew only where it must be: what is open (a popup, a cluster spread out) stays open.
  if (place.dataset.pointsByView !== undefined) {
    map.on("moveend", () => known?.contains(map.getBounds()) || load());
  }
  form?.addEventListener("change", load);
  load();
}

function worst(statuses) {
  return statuses.reduce((one, other) => ((RANK[other] ?? 2) > (RANK[one] ?? 2) ? other : one), "ok");
}

function marker({ geometry, properties }) {
  const at = [geometry.coordinates[1], geometry.coordinates[0]];
  const status = properties.status in SHAPES ? properties.status : "unknown";
  if (properties.count) return L.marker(at, { status, icon: bubble(properties.count, status) });
  const title = [properties.number, properties.name].filter(Boolean).join(" · ");
  return L.marker(at, { status, title, alt: title, icon: pin(status) }).bindPopup(() => popup(properties, title));
}

function popup(properties, title) {
  const box = document.createElement("div");
  const link = document.createElement(properties.url ? "a" : "strong");
  if (properties.url) link.href = properties.url;
  link.textContent = title;
  box.append(link);
  if (properties.note) {
    const note = document.createElement("p");
    note.textContent = properties.note;
    box.append(note);
  }
  return box;
}

function showChosen(map, { pointTitle, pointUrl }, at) {
  L.marker(at, { icon: drop(), title: pointTitle, alt: pointTitle, zIndexOffset: 1000 })
    .addTo(map)
    .bindPopup(() => popup({ url: pointUrl }, pointTitle));
}

function drop() {
  const html = `<svg viewBox="0 0 24 30" aria-hidden="true"><path d="M12 1a10 10 0 0 1 10 10c0 7-10 18-10 18S2 18 2 11A10 10 0 0 1 12 1z"/><circle cx="12" cy="11" r="3.5" class="pin-sign"/></svg>`;
  return L.divIcon({ className: "pin pin-picked", html, iconSize: [24, 30], iconAnchor: [12, 29], popupAnchor: [0, -26] });
}

function pin(status = "unknown") {
  const known = status in SHAPES ? status : "unknown";
  const html = `<svg viewBox="0 0 18 18" aria-hidden="true">${SHAPES[known]}</svg>`;
  return L.divIcon({ className: `pin pin-${known}`, html, iconSize: [18, 18], popupAnchor: [0, -8] });
}

function bubble(count, status) {
  const size = count < 10 ? 28 : count < 100 ? 34 : 42;
  const html = `<svg viewBox="0 0 18 18" aria-hidden="true">${SHAPES[status] ?? SHAPES.unknown}</svg><b>${Number(count)}</b>`;
  return L.divIcon({ className: `bubble bubble-${status}`, html, iconSize: [size + 14, size - 4] });
}

function escaped(words) {
  const box = document.createElement("span");
  box.textContent = words;
  return box.innerHTML;
}

// --- setting one point

function pickPoint(map, place, point) {
  const form = document.querySelector(place.dataset.pick);
  const fields = ["latitude", "longitude"].map((name) => form.elements.namedItem(name));
  const chosen = L.marker(point ?? map.getCenter(), { icon: drop(), draggable: true, keyboard: false });
  if (point) chosen.addTo(map);
  const propose = ({ lat, lng }) => {
    chosen.setLatLng([lat, lng]).addTo(map);
    fields[0].value = lat.toFixed(6);
    fields[1].value = L.Util.wrapNum(lng, [-180, 180], true).toFixed(6);
    form.classList.add("is-dirty");
    for (const button of form.querySelectorAll("[data-accept]")) button.disabled = false;
  };
  map.on("click", (event) => propose(event.latlng));
  chosen.on("dragend", () => propose(chosen.getLatLng()));
  const proposeTyped = () => {
    const at = fields.map((one) => Number.parseFloat(one.value));
    if (!at.every(Number.isFinite)) return;
    propose({ lat: at[0], lng: at[1] });
    map.panTo(at);
  };
  for (const field of fields) field.addEventListener("change", proposeTyped);
  if (fields.some((one) => one.value !== one.defaultValue)) proposeTyped(); // typed while the map was on its way
  place.classList.add("is-picking");
}
