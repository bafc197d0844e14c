// The project that is shown, and who is signed in.

import { post } from "../lib/api.js";
import { html, useState } from "../lib/h.js";
import { here, to, visit } from "../lib/router.js";
import { projectHere } from "../lib/who.js";
import { FormDialog } from "./form_dialog.js";
import { toast } from "./parts.js";

export function WhoBox({ you, onLeft }) {
  const [changing, change] = useState(false);
  const leave = async () => {
    await post("/auth/sign-out");
    onLeft();
  };
  return html`<div class="who">
    ${you.projects.length > 1 && html`<select aria-label="Project" value=${projectHere()} onChange=${({ currentTarget }) => visit(to(here().path, { project: currentTarget.value === you.project ? null : currentTarget.value }))}>
      ${you.projects.map(({ id, name }) => html`<option value=${id}>${name}</option>`)}</select>`}
    ${you.email && html`<span class="soft" title=${you.email}>${you.name}</span>
      <div class="row">${you.mode.includes("password") && html`<button type="button" class="button quiet small" onClick=${() => change(true)}>Password</button>`}
        <button type="button" class="button quiet small" onClick=${leave}>Sign out</button></div>`}
    ${changing && html`<${Password} onClose=${() => change(false)} />`}</div>`;
}

const FIELDS = [{ name: "current", label: "Password until now", type: "password", required: true, full: true }, { name: "new", label: "New password", type: "password", required: true, full: true, hint: "At least 12 characters" }];

function Password({ onClose }) {
  const send = async (values) => {
    await post("/auth/password", values);
    onClose();
    toast("Password changed; all other browsers are signed out");
  };
  return html`<${FormDialog} title="Another password" fields=${FIELDS} action="Change" send=${send} onClose=${onClose} />`;
}
