// What was told, newest first.

import { alerts } from "../../data/alerts.js";
import { exactly, moment } from "../../lib/format.js";
import { html } from "../../lib/h.js";
import { useQuery } from "../../lib/query.js";
import { patch } from "../../lib/router.js";
import { amount, metricName } from "../../lib/rules.js";
import { Badge, Empty, Loaded, Panel, Segments } from "../../ui/parts.js";
import { Table } from "../../ui/table.js";

const REFRESH_MS = 2000;
const PAGE = 100;

const COLUMNS = [
  { id: "at", label: "When", show: (row) => moment(row.raised_at), title: (row) => exactly(row.raised_at) },
  { id: "state", label: "State", show: (row) => html`<${Badge} tone=${row.state === "firing" ? "bad" : "good"}>${row.state}<//>${row.notify ? "" : html` <${Badge} title="Nobody was told: the rule was muted, or tells no ends">quiet<//>`}` },
  { id: "name", label: "Rule", show: (row) => html`<b>${row.name}</b>` },
  { id: "group", label: "Of", clip: true, show: (row) => row.group || "–" },
  { id: "metric", label: "Metric", show: (row) => metricName(row.metric) },
  { id: "value", label: "Value", number: true, show: (row) => amount(row.metric, row.projected ?? row.value) },
  { id: "threshold", label: "Threshold", number: true, show: (row) => amount(row.metric, row.threshold) },
  { id: "percent", label: "Of the limit", number: true, show: (row) => (row.kind === "anomaly" ? "–" : `${row.threshold_percent}%`) },
  { id: "action", label: "Did", show: (row) => row.action },
];

export function History({ params }) {
  const asked = { rule: params.get("rule"), state: params.get("state"), limit: PAGE, cursor: params.get("cursor") };
  const query = useQuery(JSON.stringify(asked), (signal) => alerts(asked, signal), { refreshMs: asked.cursor ? 0 : REFRESH_MS });
  const open = (row) => patch({ view: null, rule: null, state: null, cursor: null, id: row.rule_id });
  return html`<${Panel} title="History" bare actions=${html`${asked.rule && html`<button type="button" class="button small" onClick=${() => patch({ rule: null, cursor: null })}>Of all rules</button>`}
      <${Segments} label="State" value=${asked.state ?? ""} options=${[["", "All"], ["firing", "Firing"], ["resolved", "Resolved"]]} onChange=${(state) => patch({ state, cursor: null })} />`}>
    <${Loaded} query=${query}>${({ alerts: data, next_cursor: next }) => (data.length ? html`<${Table} label="History" columns=${COLUMNS} rows=${data} keyOf=${(row) => row.alert_id} onOpen=${open} />
        ${next && html`<div class="body"><button type="button" class="button" onClick=${() => patch({ cursor: next })}>Older</button></div>`}`
      : html`<${Empty} title="Nothing was told"><p>What rules tell is kept here, whether or not anybody was reached.</p><//>`)}<//><//>`;
}
