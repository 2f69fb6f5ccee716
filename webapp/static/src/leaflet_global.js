// markercluster extends window.L, which must exist before it is evaluated: import this module before it.
import L from "leaflet";

window.L = L;

export default L;
