// Providers' credentials: what they hold goes in and never comes out.

import { get, patchJson, post, remove } from "../../lib/api.js";
import { ago } from "../../lib/format.js";
import { html, useState } from "../../lib/h.js";
import { useQuery } from "../../lib/query.js";
import { FormDialog } from "../../ui/form_dialog.js";
import { Icon } from "../../ui/icons.js";
import { Badge, Empty, Loaded, Panel, Problem, toast } from "../../ui/parts.js";
import { Table } from "../../ui/table.js";

export function Providers() {
  const query = useQuery("credentials", (signal) => Promise.all([get("/admin/credentials", {}, signal), get("/admin/projects", {}, signal)]));
  const [making, make] = useState(false);
  const [error, fail] = useState(null);
  const act = async (work, text) => {
    try {
      await work();
      fail(null);
      toast(text);
      query.reload();
    } catch (problem) {
      fail(problem);
    }
  };
  return html`<${Problem} error=${error} /><${Panel} title="Providers" bare actions=${html`<button type="button" class="button small" onClick=${() => make(true)}><${Icon} name="plus" />Add credential</button>`}>
      <${Loaded} query=${query}>${([{ data }]) => (data.length ? html`<${Table} label="Providers" columns=${columns(act)} rows=${data} keyOf=${(row) => row.id} />`
        : html`<${Empty} title="No credential is stored"><p>Calls use the keys in the gateway's environment, as OPENAI_API_KEY, or those that callers bring.</p><//>`)}<//><//>
    ${making && query.data && html`<${New} projects=${query.data[1].data} onClose=${() => make(false)} onDone=${() => { make(false); query.reload(); toast("Credential stored"); }} />`}`;
}

function columns(act) {
  const path = (row) => `/admin/credentials/${row.id}`;
  return [
    { id: "provider", label: "Provider", show: (row) => html`<b>${row.provider}</b>` },
    { id: "name", label: "Name", show: (row) => html`${row.name} ${row.last4 && html`<span class="soft mono">…${row.last4}</span>`}` },
    { id: "project", label: "Project", show: (row) => row.project ?? "all" }, { id: "url", label: "Address", clip: true, show: (row) => row.base_url ?? "the provider's own" },
    { id: "weight", label: "Weight", number: true, show: (row) => row.weight }, { id: "state", label: "State", show: (row) => html`<${Badge} tone=${row.enabled ? "good" : "warn"}>${row.enabled ? "in use" : "off"}<//>` },
    { id: "changed", label: "Changed", show: (row) => ago(row.updated_at) },
    { id: "do", label: "", show: (row) => html`<button type="button" class="button quiet small" onClick=${() => act(() => patchJson(path(row), { enabled: !row.enabled }), row.enabled ? "Switched off" : "Switched on")}>${row.enabled ? "Switch off" : "Switch on"}</button>
      <button type="button" class="button quiet small danger" onClick=${() => window.confirm(`Remove ${row.provider} ${row.name}?`) && act(() => remove(path(row)), "Removed")}>Remove</button>` },
  ];
}

function New({ projects, onClose, onDone }) {
  const fields = [
    { name: "provider", label: "Provider", required: true, placeholder: "openai" }, { name: "project", label: "Project", value: "", options: [["", "all projects"], ...projects.map(({ id }) => [id, id])] },
    { name: "name", label: "Name", value: "default" }, { name: "weight", label: "Weight", type: "number", value: "1", parse: Number },
    { name: "secret", label: "API key", type: "password", full: true }, { name: "base_url", label: "Address, if not the provider's own", full: true, placeholder: "https://…" },
  ];
  const send = async ({ secret, ...rest }) => { await post("/admin/credentials", { ...rest, ...(secret ? { secrets: { api_key: secret } } : {}) }); onDone(); };
  return html`<${FormDialog} title="Add a provider's credential" fields=${fields} action="Store" send=${send} onClose=${onClose} />`;
}
