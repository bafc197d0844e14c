// Gateway keys. A secret is shown once, in the answer that makes it.

import { get, post } from "../../lib/api.js";
import { ago, exactly } from "../../lib/format.js";
import { html, useState } from "../../lib/h.js";
import { useQuery } from "../../lib/query.js";
import { FormDialog, list } from "../../ui/form_dialog.js";
import { Icon } from "../../ui/icons.js";
import { CopyButton, Dialog, Empty, Loaded, Panel, Problem, Segments, toast } from "../../ui/parts.js";
import { Table } from "../../ui/table.js";

export function Keys() {
  const [state, setState] = useState("active");
  const query = useQuery(state, (signal) => Promise.all([get("/admin/keys", { state }, signal), get("/admin/projects", {}, signal)]));
  const [making, make] = useState(false);
  const [issued, show] = useState(null);
  const [error, fail] = useState(null);
  const act = async (row, verb) => {
    try {
      const answer = await post(`/admin/keys/${row.id}/${verb}`, {});
      fail(null);
      if (answer.secret) show(answer); else toast("Key revoked");
      query.reload();
    } catch (problem) {
      fail(problem);
    }
  };
  return html`<${Problem} error=${error} /><${Panel} title="Gateway keys" bare actions=${html`<${Segments} label="State" value=${state} options=${[["active", "Active"], ["revoked", "Revoked"], ["all", "All"]]} onChange=${setState} />
      <button type="button" class="button small" onClick=${() => make(true)}><${Icon} name="plus" />New key</button>`}>
      <${Loaded} query=${query}>${([{ data }]) => (data.length ? html`<${Table} label="Gateway keys" columns=${columns(act)} rows=${data} keyOf=${(row) => row.id} />`
        : html`<${Empty} title="No key here"><p>A key names the project of a call, and may limit its models, rate and budget.</p><//>`)}<//><//>
    ${making && query.data && html`<${New} projects=${query.data[1].data} onClose=${() => make(false)} onDone=${(answer) => { make(false); show(answer); query.reload(); }} />`}
    ${issued && html`<${Dialog} title="The new key" onClose=${() => show(null)}><p>Copy it now: it is not shown again.</p><pre>${issued.secret}</pre><p></p><${CopyButton} text=${issued.secret} label="Copy key" /><//>`}`;
}

function columns(act) {
  return [
    { id: "name", label: "Key", show: (row) => html`<b>${row.name}</b> <span class="soft mono">…${row.last4}</span>`, title: (row) => row.id },
    { id: "project", label: "Project", show: (row) => row.project }, { id: "user", label: "User", show: (row) => row.user_id || "–" },
    { id: "models", label: "Models", clip: true, show: (row) => row.models.join(", ") || "all" }, { id: "limits", label: "Limits", clip: true, show: (row) => row.rate_limits.join(", ") || "none" },
    { id: "expires", label: "Expires", show: (row) => (row.revoked_at ? `revoked ${ago(row.revoked_at)}` : row.expires_at ? exactly(row.expires_at) : "never") },
    { id: "do", label: "", show: (row) => !row.revoked_at && html`<${Actions} row=${row} act=${act} />` },
  ];
}

function Actions({ row, act }) {
  const revoke = () => window.confirm(`Revoke ${row.name}? Its calls are refused at once.`) && act(row, "revoke");
  return html`<button type="button" class="button quiet small" onClick=${() => act(row, "rotate")}>Rotate</button><button type="button" class="button quiet small danger" onClick=${revoke}>Revoke</button>`;
}

function New({ projects, onClose, onDone }) {
  const fields = [
    { name: "name", label: "Name", required: true }, { name: "project", label: "Project", value: projects[0]?.id, options: projects.map(({ id }) => [id, id]) },
    { name: "user_id", label: "User of its calls" }, { name: "models", label: "Models", placeholder: "all", hint: "Comma-separated; * stands for anything", parse: (text) => (text ? list(text) : undefined) },
    { name: "rate_limits", label: "Rate limits", placeholder: "100;w=60", parse: (text) => (text ? list(text) : undefined) },
    { name: "expires_at", label: "Expires", type: "datetime-local", parse: (text) => (text ? new Date(text).toISOString() : undefined) },
  ];
  return html`<${FormDialog} title="New gateway key" fields=${fields} action="Create" send=${async (values) => onDone(await post("/admin/keys", values))} onClose=${onClose} />`;
}
