// Who changed what.

import { get } from "../../lib/api.js";
import { exactly, moment } from "../../lib/format.js";
import { html } from "../../lib/h.js";
import { useQuery } from "../../lib/query.js";
import { Empty, Loaded, Panel } from "../../ui/parts.js";
import { Table } from "../../ui/table.js";

const COLUMNS = [
  { id: "at", label: "When", show: (row) => moment(row.at), title: (row) => exactly(row.at) }, { id: "actor", label: "Who", show: (row) => row.actor },
  { id: "action", label: "What", show: (row) => html`<span class="mono">${row.action}</span>` }, { id: "project", label: "Project", show: (row) => row.project ?? "–" },
  { id: "target", label: "On", clip: true, show: (row) => row.target }, { id: "detail", label: "Detail", clip: true, show: (row) => JSON.stringify(row.detail), title: (row) => JSON.stringify(row.detail, null, 2) },
];

export function Audit() {
  const query = useQuery("audit", (signal) => get("/admin/audit", { limit: 200 }, signal));
  return html`<${Panel} title="Changes" bare><${Loaded} query=${query}>${({ data }) => (data.length ? html`<${Table} label="Changes" columns=${COLUMNS} rows=${data} keyOf=${(row) => row.id} />` : html`<${Empty} title="Nothing was changed yet" />`)}<//><//>`;
}
