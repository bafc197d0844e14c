// A search field whose text is the address's `q`, a moment after the last key.

import { html, useRef } from "../lib/h.js";
import { useShortcut } from "../lib/keys.js";
import { patch } from "../lib/router.js";

const PAUSE_MS = 250;

export function Search({ label, value }) {
  const timer = useRef(0);
  const input = useRef(null);
  useShortcut("/", () => input.current?.focus());
  const typed = (event) => {
    const text = event.currentTarget.value.trim();
    clearTimeout(timer.current);
    timer.current = setTimeout(() => patch({ q: text }, { replace: true }), PAUSE_MS);
  };
  return html`<input ref=${input} type="search" aria-label=${label} placeholder=${label} defaultValue=${value} onInput=${typed} />`;
}
