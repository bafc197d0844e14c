// A dialog with a form: what the API refuses is shown, and what it takes closes the dialog.

import { html, useState } from "../lib/h.js";
import { Dialog, Field, Problem } from "./parts.js";

// fields: [{name, label, type, options, value, hint, full, required, parse}]; `send(values)` calls the API.
export function FormDialog({ title, fields, action, send, onClose, children }) {
  const [values, setValues] = useState(Object.fromEntries(fields.map(({ name, value }) => [name, value ?? ""])));
  const [state, set] = useState({});
  const submit = async (event) => {
    event.preventDefault();
    set({ busy: true });
    try {
      await send(given(fields, values));
    } catch (error) {
      set({ error });
      return;
    }
    set({});
  };
  const change = (name) => (event) => {
    const { type, checked, value } = event.currentTarget;
    setValues({ ...values, [name]: type === "checkbox" ? checked : value });
  };
  return html`<${Dialog} title=${title} onClose=${onClose} footer=${html`<button type="button" class="button" onClick=${onClose}>Cancel</button>
      <button type="submit" form="dialog-form" class="button primary" disabled=${state.busy}>${action}</button>`}>
    <form id="dialog-form" class="form" onSubmit=${submit} autocomplete="off">${fields.map((field) => html`<${Input} field=${field} value=${values[field.name]} onInput=${change(field.name)} />`)}</form>
    ${children}<${Problem} error=${state.error} /><//>`;
}

function given(fields, values) {
  const entries = fields.map(({ name, parse }) => [name, parse ? parse(values[name]) : values[name]]);
  return Object.fromEntries(entries.filter(([, value]) => value !== "" && value !== undefined));
}

function Input({ field, value, onInput }) {
  if (field.type === "checkbox") return html`<label class="check"><input type="checkbox" checked=${value} onChange=${onInput} />${field.label}</label>`;
  return html`<${Field} label=${field.label} hint=${field.hint} full=${field.full}>${field.options
    ? html`<select name=${field.name} value=${value} onChange=${onInput}>${field.options.map(([id, text]) => html`<option value=${id}>${text}</option>`)}</select>`
    : html`<input name=${field.name} type=${field.type ?? "text"} required=${field.required} placeholder=${field.placeholder} step="any" value=${value} onInput=${onInput} autocomplete="off" />`}<//>`;
}

export const list = (text) => text.split(",").map((one) => one.trim()).filter(Boolean);
