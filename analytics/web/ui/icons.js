// Icons of 24 by 24, drawn with the text's colour.

import { html } from "../lib/h.js";

const PATHS = {
  overview: "M4 20V10M10 20V4M16 20v-7M21 20H3",
  requests: "M4 6h16M4 12h16M4 18h10",
  sessions: "M5 4v16M5 8h8a3 3 0 0 1 3 3v1M5 16h6M13 16h6M16 12h4",
  users: "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21a7 7 0 0 1 14 0M17 4a4 4 0 0 1 0 7M22 21a7 7 0 0 0-4-6",
  properties: "M3 12V4h8l10 10-8 8zM7.5 8.5h.01",
  models: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12L4 7.5",
  cache: "M13 2L4 14h7l-1 8 9-12h-7z",
  limits: "M4 18a9 9 0 1 1 16 0M12 14l4-5",
  sql: "M4 6c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zM4 6v12c0 1.7 3.6 3 8 3s8-1.3 8-3V6M4 12c0 1.7 3.6 3 8 3s8-1.3 8-3",
  alerts: "M6 9a6 6 0 1 1 12 0c0 6 2 7 2 7H4s2-1 2-7M10 20a2 2 0 0 0 4 0",
  settings: "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM12 2v4M12 18v4M2 12h4M18 12h4M5 5l3 3M16 16l3 3M19 5l-3 3M8 16l-3 3",
  menu: "M4 6h16M4 12h16M4 18h16",
  close: "M6 6l12 12M18 6L6 18",
  theme: "M20 14A8 8 0 1 1 10 4a7 7 0 0 0 10 10z",
  help: "M9 9a3 3 0 1 1 4 3c-.8.4-1 1-1 2M12 17h.01M12 22a10 10 0 1 0 0-20 10 10 0 0 0 0 20z",
  plus: "M12 5v14M5 12h14",
  play: "M7 4l12 8-12 8z",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  down: "M12 4v12M7 11l5 5 5-5M4 20h16",
};

export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${PATHS[name]} /></svg>`;
}
