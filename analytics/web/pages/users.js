// Users: who uses what, and what it costs; one of them in a drawer.

import { user, users } from "../data/breakdown.js";
import { ago, compact, duration, nanos, percent } from "../lib/format.js";
import { html } from "../lib/h.js";
import { period } from "../lib/period.js";
import { useQuery } from "../lib/query.js";
import { Link, patch, to } from "../lib/router.js";
import { Chart } from "../ui/chart.js";
import { Dialog, Empty, Head, Loaded, PeriodPicker } from "../ui/parts.js";
import { Search } from "../ui/search.js";
import { nextSort, sorted, Table } from "../ui/table.js";
import { sortOf } from "../lib/sorting.js";
import { NoCalls } from "./overview.js";

export const MEASURES = [
  { id: "requests", label: "Requests", number: true, sort: true, show: (row) => compact(row.requests) },
  { id: "cost", label: "Cost", number: true, sort: true, value: (row) => Number(row.cost ?? 0), show: (row) => nanos(row.cost ?? 0), title: (row) => (row.unpriced ? `${row.unpriced} calls have no known price` : "") },
  { id: "tokens", label: "Tokens", number: true, sort: true, value: (row) => row.input_tokens + row.output_tokens, show: (row) => compact(row.input_tokens + row.output_tokens) },
  { id: "errors", label: "Errors", number: true, sort: true, value: (row) => row.errors / row.requests, show: (row) => percent(row.errors / row.requests) },
  { id: "p50", label: "Median", number: true, sort: true, value: (row) => row.latency[0], show: (row) => duration(row.latency[0]) },
  { id: "p95", label: "p95", number: true, sort: true, value: (row) => row.latency[1], show: (row) => duration(row.latency[1]) },
];
const COLUMNS = [
  { id: "user_id", label: "User", clip: true, sort: true, show: (row) => row.user_id || "(none named)" },
  ...MEASURES,
  { id: "models", label: "Most used models", clip: true, show: (row) => row.models.filter(Boolean).join(", "), title: (row) => row.models.join(", ") },
  { id: "first_seen", label: "First seen", sort: true, show: (row) => ago(row.first_seen) },
  { id: "last_seen", label: "Last seen", sort: true, show: (row) => ago(row.last_seen) },
];

export function Users({ params }) {
  const span = period(params);
  const search = params.get("q") ?? "";
  const query = useQuery(`${span.from}${search}`, (signal) => users(period(params), search, signal));
  const sort = sortOf(params, "cost");
  return html`<${Head} title="Users"><${Search} label="Find a user" value=${search} /><${PeriodPicker} params=${params} /><//>
    <${Loaded} query=${query}>${(rows) => (rows.length ? html`<section class="panel"><${Table} label="Users" columns=${COLUMNS} rows=${sorted(rows, COLUMNS, sort)}
        keyOf=${(row) => row.user_id} sort=${sort} onSort=${(id) => sortTo(nextSort(sort, id))} onOpen=${(row) => patch({ user: row.user_id || "-" })} /></section>`
      : search ? html`<section class="panel"><${Empty} title="No such user in this period" /></section>` : html`<${NoCalls} />`)}<//>
    ${params.has("user") && html`<${UserDrawer} id=${params.get("user") === "-" ? "" : params.get("user")} params=${params} />`}`;
}

export const sortTo = ({ by, down }) => patch({ sort: by, order: down ? null : "asc" }, { replace: true });

function UserDrawer({ id, params }) {
  const span = period(params);
  const query = useQuery(`${id}${span.from}`, (signal) => user(period(params), id, signal));
  const models = [{ id: "model", label: "Model", clip: true, show: (row) => row.model || "(none)" }, ...MEASURES];
  return html`<${Dialog} kind="drawer" title=${id || "Calls that name no user"} onClose=${() => patch({ user: null })}
      actions=${html`<${Link} class="button small" href=${to("/requests", { f: id ? `user_id~eq~${id}` : "user_id~exists~false" })}>Requests<//>`}>
    <${Loaded} query=${query}>${(data) => html`<div class="stack"><h3>Spend by model</h3><${Chart} title="Spend by model" kind="bars" times=${data.times} series=${data.spend} format=${nanos} />
      <${Table} label="Models" columns=${models} rows=${data.byModel} keyOf=${(row) => row.model} /></div>`}<//><//>`;
}
