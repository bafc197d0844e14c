// Sessions: agents' runs, and one of them as the tree of its steps with what each cost.

import { session, sessions } from "../data/breakdown.js";
import { ago, compact, count, duration, exactly, moment, nanos } from "../lib/format.js";
import { html, useState } from "../lib/h.js";
import { period } from "../lib/period.js";
import { useQuery } from "../lib/query.js";
import { Link, patch, to } from "../lib/router.js";
import { sortOf } from "../lib/sorting.js";
import { treeOf } from "../lib/steps.js";
import { Badge, Empty, Head, Loaded, Panel, PeriodPicker, Tile } from "../ui/parts.js";
import { Search } from "../ui/search.js";
import { nextSort, sorted, Table } from "../ui/table.js";
import { statusTone } from "./requests.js";
import { sortTo } from "./users.js";

const time = (text) => new Date(text).getTime();
const COLUMNS = [
  { id: "name", label: "Session", clip: true, sort: true, show: (row) => row.name || row.session_id, title: (row) => row.session_id },
  { id: "user", label: "User", clip: true, sort: true, show: (row) => row.user || "–" },
  { id: "started", label: "Started", sort: true, show: (row) => moment(row.started), title: (row) => exactly(row.started) },
  { id: "lasted", label: "Lasted", number: true, sort: true, value: (row) => time(row.ended) - time(row.started), show: (row) => duration(time(row.ended) - time(row.started)) },
  { id: "requests", label: "Requests", number: true, sort: true, show: (row) => count(row.requests) },
  { id: "steps", label: "Steps", number: true, sort: true, show: (row) => count(row.steps) },
  { id: "errors", label: "Errors", number: true, sort: true, show: (row) => count(row.errors) },
  { id: "tokens", label: "Tokens", number: true, sort: true, show: (row) => compact(row.tokens) },
  { id: "cost", label: "Cost", number: true, sort: true, value: (row) => Number(row.cost ?? 0), show: (row) => nanos(row.cost ?? 0) },
];

export function Sessions({ params }) {
  const id = params.get("session");
  return id ? html`<${OneSession} id=${id} />` : html`<${AllSessions} params=${params} />`;
}

function AllSessions({ params }) {
  const span = period(params);
  const search = params.get("q") ?? "";
  const query = useQuery(`${span.from}${search}`, (signal) => sessions(period(params), search, signal));
  const sort = sortOf(params, "started");
  return html`<${Head} title="Sessions"><${Search} label="Name or id" value=${search} /><${PeriodPicker} params=${params} /><//>
    <${Loaded} query=${query}>${(rows) => html`<section class="panel">${rows.length ? html`<${Table} label="Sessions" columns=${COLUMNS} rows=${sorted(rows, COLUMNS, sort)} keyOf=${(row) => row.session_id}
      sort=${sort} onSort=${(by) => sortTo(nextSort(sort, by))} onOpen=${(row) => patch({ session: row.session_id, sort: null, order: null })} />`
      : html`<${Empty} title=${search ? "No session matches" : "No session in this period"}><p>Name the session, and the step within it, with each call of an agent's run:</p>
        <pre>${"Tallygate-Session-Id: run-42\nTallygate-Session-Name: research agent\nTallygate-Session-Path: /plan/search"}</pre><//>`}</section>`}<//>`;
}

function OneSession({ id }) {
  const query = useQuery(id, (signal) => session(id, signal));
  return html`<${Head} title=${query.data?.[0]?.session_name || "Session"} sub=${id}><${Link} class="button" href=${to("/sessions")}>All sessions<//><//>
    <${Loaded} query=${query}>${(calls) => (calls.length ? html`<${Tree} calls=${calls} />` : html`<section class="panel"><${Empty} title="There is no such session" /></section>`)}<//>`;
}

function Tree({ calls }) {
  const tree = treeOf(calls);
  const lasted = Math.max(...calls.map((call) => time(call.ended_at))) - time(calls[0].received_at);
  return html`<div class="stack"><div class="tiles">
      <${Tile} label="Cost" value=${nanos(tree.cost)} note=${tree.unpriced ? `${tree.unpriced} unpriced` : ""} />
      <${Tile} label="Requests" value=${count(calls.length)} note=${tree.errors ? `${tree.errors} failed` : "none failed"} />
      <${Tile} label="Tokens" value=${compact(tree.tokens)} /><${Tile} label="Lasted" value=${duration(lasted)} note=${ago(calls[0].received_at)} />
      <${Tile} label="User" value=${calls[0].user_id || "–"} /></div>
    <${Panel} title="Steps" bare><div class="step soft"><span>Step</span><span class="wide">Requests</span><span>Tokens</span><span class="wide">Time</span><span>Cost</span></div>
      <ul class="tree" aria-label="Steps">${tree.steps.map((step) => html`<${Step} step=${step} />`)}${tree.calls.map((call) => html`<${Leaf} call=${call} />`)}</ul><//></div>`;
}

function Step({ step }) {
  const [open, toggle] = useState(true);
  return html`<li><div class="step">
      <button type="button" class="button quiet small name" style="justify-content:flex-start" aria-expanded=${String(open)} onClick=${() => toggle(!open)}>${open ? "▾" : "▸"} <b>${step.name}</b></button>
      <span class="wide">${count(step.requests)}</span><span>${compact(step.tokens)}</span><span class="wide">${duration(step.latency)}</span><b>${nanos(step.cost)}</b></div>
    ${open && html`<ul class="tree">${step.steps.map((one) => html`<${Step} step=${one} />`)}${step.calls.map((call) => html`<${Leaf} call=${call} />`)}</ul>`}</li>`;
}

function Leaf({ call }) {
  return html`<li class="step leaf"><${Link} class="name" href=${to("/requests", { id: call.request_id, range: "30d" })}><${Badge} tone=${statusTone(call)}>${call.status}<//> ${call.model || "–"}<//>
    <span class="wide soft">${moment(call.received_at)}</span><span>${compact(call.input_tokens + call.output_tokens)}</span><span class="wide">${duration(call.latency_ms)}</span>
    <span>${call.priced ? nanos(call.cost_nanos) : "unknown"}</span></li>`;
}
