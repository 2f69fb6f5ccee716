// Short messages in the corner. Good news goes by itself; a failure stays until it is closed.
const SHOWN_MS = 6000;

const ICONS = { ok: "circle-check", bad: "alert-octagon", warn: "alert-triangle", info: "info-circle" };

export function icon(name) {
  const sprite = document.querySelector('meta[name="icons"]')?.content ?? "";
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}

// say("Saved") or say("Could not load", { kind: "bad", action: "Try again", onAction: () => ... })
export function say(text, { kind = "ok", action = null, onAction = null } = {}) {
  const shelf = document.getElementById("toasts");
  if (!shelf) return null;
  for (const same of shelf.children) if (same.dataset.text === text) same.remove();
  const toast = document.createElement("div");
  toast.className = `toast toast-${kind}`;
  toast.dataset.text = text;
  const words = document.createElement("p");
  words.textContent = text;
  toast.append(icon(ICONS[kind] ?? ICONS.info), words);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "btn btn-quiet btn-sm";
    button.textContent = action;
    button.addEventListener("click", () => {
      toast.remove();
      onAction();
    });
    toast.append(button);
  }
  arm(toast, kind === "ok" || kind === "info");
  shelf.append(toast);
  return toast;
}

// Also for the messages the server wrote into the page.
export function arm(toast, goesByItself) {
  const shelf = document.getElementById("toasts");
  const close = document.createElement("button");
  close.type = "button";
  close.className = "btn-icon";
  close.setAttribute("aria-label", shelf?.dataset.close ?? "Close");
  close.append(icon("x"));
  close.addEventListener("click", () => toast.remove());
  toast.append(close);
  if (!goesByItself) return;
  let timer = setTimeout(() => toast.remove(), SHOWN_MS);
  toast.addEventListener("pointerenter", () => clearTimeout(timer));
  toast.addEventListener("pointerleave", () => {
    timer = setTimeout(() => toast.remove(), SHOWN_MS);
  });
}
