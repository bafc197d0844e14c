// Aliases: names for lists of models.

import { get, put, remove } from "../../lib/api.js";
import { html, useState } from "../../lib/h.js";
import { useQuery } from "../../lib/query.js";
import { FormDialog, list } from "../../ui/form_dialog.js";
import { Icon } from "../../ui/icons.js";
import { Empty, Loaded, Panel, toast } from "../../ui/parts.js";
import { Table } from "../../ui/table.js";

const FIELDS = [{ name: "name", label: "Alias", required: true, placeholder: "fast" }, { name: "models", label: "Models, tried in order", required: true, placeholder: "gpt-4o-mini, groq/llama-3.1-8b-instant", parse: list }];

export function Aliases() {
  const query = useQuery("aliases", (signal) => get("/admin/aliases", {}, signal));
  const [making, make] = useState(false);
  const drop = async (row) => {
    await remove("/admin/aliases", { name: row.name, project: row.project });
    query.reload();
  };
  const columns = [
    { id: "name", label: "Alias", show: (row) => html`<b>${row.name}</b>` }, { id: "project", label: "Project", show: (row) => row.project ?? "all" },
    { id: "models", label: "Models, tried in order", show: (row) => row.models.join(", ") },
    { id: "do", label: "", show: (row) => html`<button type="button" class="button quiet small danger" onClick=${() => drop(row)}>Remove</button>` },
  ];
  const send = async (values) => { await put("/admin/aliases", values); make(false); query.reload(); toast("Alias set"); };
  return html`<${Panel} title="Aliases" bare actions=${html`<button type="button" class="button small" onClick=${() => make(true)}><${Icon} name="plus" />Set an alias</button>`}>
      <${Loaded} query=${query}>${({ data }) => (data.length ? html`<${Table} label="Aliases" columns=${columns} rows=${data} keyOf=${(row) => row.id} />` : html`<${Empty} title="No alias yet"><p>An alias is a model's name of your own: callers keep it while you change what is behind it.</p><//>`)}<//><//>
    ${making && html`<${FormDialog} title="Set an alias" fields=${FIELDS} action="Set" send=${send} onClose=${() => make(false)} />`}`;
}
