// The filter builder: chips of what is asked, a form for one more, saved filters, columns of properties.

import { FIELDS, OPS, read, words, write } from "../lib/filters.js";
import { html, useRef, useState } from "../lib/h.js";
import { useShortcut } from "../lib/keys.js";
import { patch } from "../lib/router.js";
import { stored } from "../lib/stored.js";
import { Icon } from "./icons.js";
import { Segments, toast } from "./parts.js";

const saved = stored("filters");
const CHOICES = { outcome: ["ok", "provider_error", "timeout", "client_cancelled", "rejected", "cache_hit"], cache: ["hit", "miss"], stream: ["true", "false"] };

export function FilterBar({ params, properties }) {
  const conditions = read(params);
  const set = (next) => patch({ f: next.map(write), id: null, show: null });
  return html`<div class="row">
    ${conditions.map((condition, index) => html`<span class="chip"><span>${words(condition)}</span>
      <button type="button" aria-label=${`Remove ${words(condition)}`} onClick=${() => set(conditions.filter((_, other) => other !== index))}>×</button></span>`)}
    ${conditions.length > 1 && html`<${Segments} label="Match" value=${params.get("match") ?? "all"} options=${[["all", "all"], ["any", "any"]]} onChange=${(match) => patch({ match: match === "any" ? "any" : null })} />`}
    <${Adder} properties=${properties} onAdd=${(condition) => set([...conditions, condition])} />
    <span class="grow"></span>
    <${Saved} params=${params} conditions=${conditions} />
    <${Columns} params=${params} properties=${properties} />
  </div>`;
}

const BY_NAME = "property:";

// `free`: for a dialog, where a property is named by hand and the shortcut is left alone.
export function Adder({ properties = [], free = false, onAdd }) {
  const [draft, set] = useState({ field: "model", op: free ? "eq" : "contains", value: "" });
  const [name, setName] = useState("");
  const input = useRef(null);
  useShortcut("/", () => free || input.current?.focus());
  const change = (part) => (event) => set({ ...draft, [part]: event.currentTarget.value });
  const unnamed = draft.field === BY_NAME;
  const submit = (event) => {
    event.preventDefault();
    if ((!draft.value && draft.op !== "exists") || (unnamed && !name.trim())) return;
    onAdd(unnamed ? { ...draft, field: BY_NAME + name.trim() } : draft);
    set({ ...draft, value: "" });
  };
  const options = CHOICES[draft.field];
  return html`<form class="row" onSubmit=${submit} aria-label="Add a filter">
    <select aria-label="Field" value=${draft.field} onChange=${(event) => set({ field: event.currentTarget.value, op: CHOICES[event.currentTarget.value] ? "eq" : draft.op, value: "" })}>
      ${FIELDS.map(([id, label]) => html`<option value=${id}>${label}</option>`)}
      ${free && html`<option value=${BY_NAME}>Property…</option>`}
      ${properties.length > 0 && html`<optgroup label="Properties">${properties.map((one) => html`<option value=${`property:${one}`}>${one}</option>`)}</optgroup>`}</select>
    ${unnamed && html`<input aria-label="Name of the property" placeholder="Env" size="10" value=${name} onInput=${(event) => setName(event.currentTarget.value)} />`}
    <select aria-label="Comparison" value=${draft.op} onChange=${change("op")}>${OPS.map(([id, label]) => html`<option value=${id}>${label}</option>`)}</select>
    ${draft.op !== "exists" && (options ? html`<select ref=${input} aria-label="Value" value=${draft.value} onChange=${change("value")}><option value="">choose…</option>${options.map((one) => html`<option>${one}</option>`)}</select>`
      : html`<input ref=${input} aria-label="Value" placeholder=${draft.field === "status" ? "429 or 5xx" : "value"} size="14" value=${draft.value} onInput=${change("value")} />`)}
    <button type="submit" class="button"><${Icon} name="plus" />Filter</button></form>`;
}

function Saved({ params, conditions }) {
  const [all, setAll] = useState(saved.read());
  const keep = () => {
    const name = conditions.map(words).join(params.get("match") === "any" ? " or " : " and ");
    setAll(saved.write([{ name, f: conditions.map(write), match: params.get("match") }, ...all.filter((one) => one.name !== name)].slice(0, 30)));
    toast("Filter saved in this browser");
  };
  const choose = (event) => {
    const chosen = all[Number(event.currentTarget.value)];
    event.currentTarget.value = "";
    if (chosen) patch({ f: chosen.f, match: chosen.match, id: null });
  };
  return html`${all.length > 0 && html`<select aria-label="Saved filters" style="max-width:150px" onChange=${choose}><option value="">Saved filters</option>${all.map(({ name }, index) => html`<option value=${index}>${name}</option>`)}</select>`}
    ${conditions.length > 0 && html`<button type="button" class="button quiet" onClick=${keep}>Save filter</button>
      <button type="button" class="button quiet" onClick=${() => patch({ f: null, match: null })}>Clear</button>`}`;
}

function Columns({ params, properties }) {
  if (!properties.length) return null;
  const shown = params.getAll("col");
  const toggle = (event) => {
    const name = event.currentTarget.value;
    event.currentTarget.value = "";
    if (name) patch({ col: shown.includes(name) ? shown.filter((one) => one !== name) : [...shown, name] }, { replace: true });
  };
  return html`<select aria-label="Columns of properties" onChange=${toggle}><option value="">Columns</option>
    ${properties.map((name) => html`<option value=${name}>${shown.includes(name) ? "✓ " : ""}${name}</option>`)}</select>`;
}
