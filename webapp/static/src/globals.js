// Plug-ins look for window.htmx and window.L. Imports are hoisted, so this module must be imported first.
import htmx from "htmx.org";

window.htmx = htmx;

export default htmx;
