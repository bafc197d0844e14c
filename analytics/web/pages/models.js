// Models and providers compared, and what goes wrong with them.

import { errors, models } from "../data/breakdown.js";
import { ago, compact, count, duration, nanos } from "../lib/format.js";
import { html } from "../lib/h.js";
import { period } from "../lib/period.js";
import { useQuery } from "../lib/query.js";
import { to, visit } from "../lib/router.js";
import { sortOf } from "../lib/sorting.js";
import { Chart } from "../ui/chart.js";
import { Badge, Empty, Head, Loaded, Panel, PeriodPicker } from "../ui/parts.js";
import { nextSort, sorted, Table } from "../ui/table.js";
import { NoCalls } from "./overview.js";
import { MEASURES, sortTo } from "./users.js";

const COLUMNS = [
  { id: "model", label: "Model", clip: true, sort: true, show: (row) => row.model || "(none)" },
  { id: "provider", label: "Provider", sort: true, show: (row) => row.provider || "–" },
  ...MEASURES,
  { id: "ttft", label: "First byte", number: true, sort: true, value: (row) => row.ttft[0], show: (row) => duration(row.ttft[0]) },
  { id: "speed", label: "Tokens/s", number: true, sort: true, show: (row) => count(row.speed) },
  { id: "per", label: "$ per 1k calls", number: true, sort: true, value: (row) => Number(row.cost ?? 0) / row.requests, show: (row) => nanos((Number(row.cost ?? 0) / row.requests) * 1000) },
];
const ERRORS = [
  { id: "provider", label: "Provider", show: (row) => row.provider || "(gateway)" },
  { id: "status", label: "Status", show: (row) => html`<${Badge} tone=${row.status === 429 ? "warn" : "bad"}>${row.status || "–"}<//>` },
  { id: "code", label: "Code", show: (row) => row.error_code || "–" },
  { id: "requests", label: "Requests", number: true, show: (row) => compact(row.requests) },
  { id: "last_seen", label: "Last seen", show: (row) => ago(row.last_seen) },
  { id: "example", label: "Example", clip: true, show: (row) => row.example || "–", title: (row) => row.example },
];

const requestsOf = (filters) => visit(to("/requests", { f: filters }));

export function Models({ params }) {
  const span = period(params);
  const query = useQuery(span.from, (signal) => Promise.all([models(period(params), signal), errors(period(params), signal)]));
  const sort = sortOf(params, "cost");
  return html`<${Head} title="Models"><${PeriodPicker} params=${params} /><//>
    <${Loaded} query=${query}>${([data, wrong]) => (data.list.length ? html`<div class="stack">
      <div class="two"><${Panel} title="Spend"><${Chart} title="Spend by model" kind="bars" times=${data.times} series=${data.spend} format=${nanos} /><//>
        <${Panel} title="Requests"><${Chart} title="Requests by model" times=${data.times} series=${data.requests} format=${compact} /><//></div>
      <section class="panel"><${Table} label="Models" columns=${COLUMNS} rows=${sorted(data.list, COLUMNS, sort)} keyOf=${(row) => `${row.provider}/${row.model}`}
        sort=${sort} onSort=${(id) => sortTo(nextSort(sort, id))} onOpen=${(row) => requestsOf([`model~eq~${row.model}`, ...(row.provider ? [`provider~eq~${row.provider}`] : [])])} /></section>
      <${Panel} title="Errors" bare>${wrong.length ? html`<${Table} label="Errors" columns=${ERRORS} rows=${wrong}
        onOpen=${(row) => requestsOf([`status~eq~${row.status}`, ...(row.error_code ? [`error_code~eq~${row.error_code}`] : []), ...(row.provider ? [`provider~eq~${row.provider}`] : [])])} />`
        : html`<${Empty} title="Nothing went wrong in this period" />`}<//></div>` : html`<${NoCalls} />`)}<//>`;
}
