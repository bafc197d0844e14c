// Projects.

import { get, patchJson, post } from "../../lib/api.js";
import { ago } from "../../lib/format.js";
import { html, useState } from "../../lib/h.js";
import { useQuery } from "../../lib/query.js";
import { FormDialog, list } from "../../ui/form_dialog.js";
import { Icon } from "../../ui/icons.js";
import { Badge, Empty, Loaded, Panel, toast } from "../../ui/parts.js";
import { Table } from "../../ui/table.js";

export function Projects() {
  const query = useQuery("projects", (signal) => get("/admin/projects", {}, signal));
  const [editing, edit] = useState(null);
  const columns = [
    { id: "id", label: "Project", show: (row) => html`<b>${row.id}</b> ${row.name === row.id ? "" : html`<span class="soft">${row.name}</span>`}` },
    { id: "zone", label: "Time zone", show: (row) => row.settings.time_zone },
    { id: "bodies", label: "Bodies", show: (row) => stores(row.settings) },
    { id: "limits", label: "Rate limits", clip: true, show: (row) => row.settings.rate_limits.join(", ") || "none" },
    { id: "state", label: "State", show: (row) => html`<${Badge} tone=${row.archived_at ? "warn" : "good"}>${row.archived_at ? "archived" : "active"}<//>` },
    { id: "made", label: "Created", show: (row) => ago(row.created_at) },
  ];
  const done = (text) => { edit(null); query.reload(); toast(text); };
  return html`<${Panel} title="Projects" bare actions=${html`<button type="button" class="button small" onClick=${() => edit({})}><${Icon} name="plus" />New project</button>`}>
      <${Loaded} query=${query}>${({ data }) => (data.length ? html`<${Table} label="Projects" columns=${columns} rows=${data} keyOf=${(row) => row.id} onOpen=${edit} />` : html`<${Empty} title="No project yet"><p>Keys, credentials and calls belong to one.</p><//>`)}<//><//>
    ${editing && (editing.id ? html`<${Edit} project=${editing} onClose=${() => edit(null)} onDone=${done} />` : html`<${New} onClose=${() => edit(null)} onDone=${done} />`)}`;
}

const stores = ({ omit_request: request, omit_response: response }) => (request && response ? "none stored" : request ? "responses only" : response ? "requests only" : "stored");

function New({ onClose, onDone }) {
  const fields = [{ name: "id", label: "Id", required: true, hint: "Small letters, digits, - and _; it stays." }, { name: "name", label: "Name" }];
  const send = async (values) => { await post("/admin/projects", values); onDone(`Project ${values.id} made`); };
  return html`<${FormDialog} title="New project" fields=${fields} action="Create" send=${send} onClose=${onClose} />`;
}

function Edit({ project, onClose, onDone }) {
  const { settings } = project;
  const fields = [
    { name: "name", label: "Name", value: project.name }, { name: "time_zone", label: "Time zone", value: settings.time_zone, hint: "Whose days and months count" },
    { name: "rate_limits", label: "Rate limits", value: settings.rate_limits.join(", "), full: true, hint: "As 1000;w=60, each call of the project has to meet them", parse: list },
    { name: "target_urls", label: "Allowed target URLs", value: settings.target_urls.join(", "), full: true, parse: list },
    { name: "omit_request", label: "Never store requests' bodies", type: "checkbox", value: settings.omit_request },
    { name: "omit_response", label: "Never store responses' bodies", type: "checkbox", value: settings.omit_response },
    { name: "archived", label: "Archived: its keys are refused", type: "checkbox", value: Boolean(project.archived_at) },
  ];
  const send = async ({ name, archived, ...rest }) => {
    await patchJson(`/admin/projects/${project.id}`, { ...(name ? { name } : {}), archived, settings: rest });
    onDone("Project saved");
  };
  return html`<${FormDialog} title=${`Project ${project.id}`} fields=${fields} action="Save" send=${send} onClose=${onClose} />`;
}
