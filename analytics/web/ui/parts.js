// The small parts that every page is made of.

import { change, percent } from "../lib/format.js";
import { html, useEffect, useRef, useState } from "../lib/h.js";
import { period, RANGES } from "../lib/period.js";
import { patch } from "../lib/router.js";
import { Icon } from "./icons.js";

export function Head({ title, sub, children }) {
  useEffect(() => { document.title = `${title} · Tallygate`; }, [title]);
  return html`<div class="head"><h1>${title}</h1>${sub && html`<span class="sub">${sub}</span>`}<span class="grow"></span>${children}</div>`;
}

export function Panel({ title, actions, children, bare = false, ...rest }) {
  return html`<section class="panel" aria-label=${title} ...${rest}>
    ${title && html`<header><h2>${title}</h2>${actions}</header>`}
    ${bare ? children : html`<div class="body">${children}</div>`}
  </section>`;
}

export function PeriodPicker({ params }) {
  const chosen = period(params).id;
  return html`<div class="segments" role="group" aria-label="Period">
    ${RANGES.map((range) => html`<button type="button" aria-pressed=${String(chosen === range.id)}
      onClick=${() => patch({ range: range.id, from: null, to: null })}>${range.label}</button>`)}
  </div>`;
}

export function Segments({ label, options, value, onChange }) {
  return html`<div class="segments" role="group" aria-label=${label}>
    ${options.map(([id, text]) => html`<button type="button" aria-pressed=${String(value === id)} onClick=${() => onChange(id)}>${text}</button>`)}
  </div>`;
}

const MANIFOLD = 9; // beyond ten times as much, percentages say nothing

// `better` says which direction is good news: "up", "down" or neither.
function Delta({ now, before, better }) {
  const moved = change(now, before);
  if (moved === null || moved === undefined) return html`<span class="delta"></span>`;
  const tone = Math.abs(moved) < 0.005 || !better ? "" : (moved > 0) === (better === "up") ? "good" : "bad";
  const arrow = moved > 0.005 ? "▲" : moved < -0.005 ? "▼" : "";
  return html`<span class=${`delta ${tone}`} title="Compared with the period before">${arrow} ${moved > MANIFOLD ? `×${Math.round(moved + 1)}` : percent(Math.abs(moved))}</span>`;
}

export function Tile({ label, value, note, now, before, better, title }) {
  return html`<div class="tile" title=${title}>
    <span class="label">${label}</span><span class="value">${value}</span>
    <span class="note">${before !== undefined && html`<${Delta} now=${now} before=${before} better=${better} /> `}${note}</span>
  </div>`;
}

export function Problem({ error, retry }) {
  if (!error) return null;
  return html`<div class="problem" role="alert"><span>${error.message}</span>
    ${retry && html`<button type="button" class="button small" onClick=${retry}>Try again</button>`}</div>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><h3>${title}</h3>${children}</div>`;
}

export function Skeleton({ lines = 6, height = 22 }) {
  const shapes = Array.from({ length: lines }, (_, index) => html`<div class="skeleton" style=${`height:${height}px;margin:8px 0;width:${100 - (index % 3) * 9}%`}></div>`);
  return html`<div role="status" aria-label="Loading">${shapes}</div>`;
}

// A view of a query: its error, its skeleton before the first answer, and then what it is for.
export function Loaded({ query, lines, children }) {
  const shown = query.data !== null ? html`<div class=${query.loading ? "busy" : ""}>${children(query.data)}</div>` : null;
  return html`<${Problem} error=${query.error} retry=${query.reload} />
    ${shown ?? (query.error ? null : html`<${Skeleton} lines=${lines} />`)}`;
}

export function Bar({ fraction, tone = "" }) {
  const width = Math.max(0, Math.min(1, fraction || 0)) * 100;
  return html`<span class=${`bar ${tone}`}><i style=${`width:${width}%`}></i></span>`;
}

export function Badge({ tone = "", children, title }) {
  return html`<span class=${`badge ${tone}`} title=${title}>${children}</span>`;
}

export function Tabs({ label, tabs, value, onChange }) {
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const index = (tabs.findIndex(([id]) => id === value) + step + tabs.length) % tabs.length;
    onChange(tabs[index][0]);
    event.currentTarget.children[index].focus();
  };
  return html`<div class="tabs" role="tablist" aria-label=${label} onKeyDown=${move}>
    ${tabs.map(([id, text]) => html`<button type="button" role="tab" aria-selected=${String(value === id)}
      tabindex=${value === id ? 0 : -1} onClick=${() => onChange(id)}>${text}</button>`)}
  </div>`;
}

export function Dialog({ title, kind = "modal", onClose, actions, footer, children }) {
  const ref = useRef(null);
  useEffect(() => {
    const dialog = ref.current;
    dialog.showModal();
    return () => dialog.close();
  }, []);
  return html`<dialog class=${kind} ref=${ref} aria-label=${title} onClick=${(event) => event.target === ref.current && onClose()}
      onCancel=${(event) => { event.preventDefault(); onClose(); }}>
    <div class="dialog">
      <header><h2>${title}</h2>${actions}
        <button type="button" class="button quiet square" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button></header>
      <div class="content" tabindex="0">${children}</div>
      ${footer && html`<footer>${footer}</footer>`}
    </div></dialog>`;
}

export function CopyButton({ text, label = "Copy" }) {
  const [done, set] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(typeof text === "function" ? text() : text);
    set(true);
    setTimeout(() => set(false), 1500);
  };
  return html`<button type="button" class="button small" onClick=${copy}><${Icon} name="copy" />${done ? "Copied" : label}</button>`;
}

export function Field({ label, hint, full = false, children }) {
  return html`<label class=${`field ${full ? "full" : ""}`}><span>${label}</span>${children}${hint && html`<small>${hint}</small>`}</label>`;
}

let toasts = () => {};
export function toast(text) {
  toasts(text);
}

export function Toasts() {
  const [shown, set] = useState([]);
  useEffect(() => {
    toasts = (text) => {
      const item = { text };
      set((old) => [...old, item]);
      setTimeout(() => set((old) => old.filter((one) => one !== item)), 3500);
    };
  }, []);
  return html`<div class="toasts" role="status">${shown.map(({ text }) => html`<div class="toast">${text}</div>`)}</div>`;
}
