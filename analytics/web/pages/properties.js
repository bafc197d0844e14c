// Properties and their values; workflows with the cost of each step.

import { properties, property, workflows } from "../data/breakdown.js";
import { compact, count, duration, nanos, percent } from "../lib/format.js";
import { html } from "../lib/h.js";
import { period } from "../lib/period.js";
import { useQuery } from "../lib/query.js";
import { Link, patch, to } from "../lib/router.js";
import { sortOf } from "../lib/sorting.js";
import { Chart } from "../ui/chart.js";
import { Bar, Empty, Head, Loaded, Panel, PeriodPicker, Segments } from "../ui/parts.js";
import { nextSort, sorted, Table } from "../ui/table.js";
import { MEASURES, sortTo } from "./users.js";

export function Properties({ params }) {
  const view = params.get("view") ?? "values";
  return html`<${Head} title="Properties">
      <${Segments} label="View" value=${view} options=${[["values", "Values"], ["workflows", "Workflows"]]} onChange=${(next) => patch({ view: next === "values" ? null : next, sort: null })} />
      <${PeriodPicker} params=${params} /><//>
    ${view === "workflows" ? html`<${Workflows} params=${params} />` : html`<${Values} params=${params} />`}`;
}

function Values({ params }) {
  const span = period(params);
  const names = useQuery(span.from, (signal) => properties(period(params), signal));
  return html`<${Loaded} query=${names}>${(rows) => {
    if (!rows.length) return html`<section class="panel"><${Empty} title="No call in this period has a property"><p>Send any header of this form with a call, and find it here:</p><pre>Tallygate-Property-Feature: search</pre><//></section>`;
    const chosen = rows.find(({ name }) => name.toLowerCase() === params.get("name")?.toLowerCase()) ?? rows[0];
    return html`<div class="stack"><div class="row"><${Segments} label="Property" value=${chosen.name} options=${rows.slice(0, 12).map(({ name, values }) => [name, `${name} (${count(values)})`])}
      onChange=${(name) => patch({ name })} /></div><${OneProperty} name=${chosen.name} params=${params} /></div>`;
  }}<//>`;
}

function OneProperty({ name, params }) {
  const span = period(params);
  const query = useQuery(`${name}${span.from}`, (signal) => property(period(params), name, signal));
  const sort = sortOf(params, "cost");
  const columns = [
    { id: "value", label: name, clip: true, sort: true, show: (row) => html`<${Link} href=${to("/requests", { f: `property:${name}~eq~${row.value}` })}>${row.value || "(empty)"}<//>` },
    ...MEASURES, { id: "users", label: "Users", number: true, sort: true, show: (row) => count(row.users) },
  ];
  return html`<${Loaded} query=${query}>${(data) => html`<div class="stack">
    <${Panel} title=${`Spend by ${name}`}><${Chart} title=${`Spend by ${name}`} kind="bars" times=${data.times} series=${data.spend} format=${nanos} /><//>
    <section class="panel"><${Table} label=${name} columns=${columns} rows=${sorted(data.list, columns, sort)} keyOf=${(row) => row.value} sort=${sort} onSort=${(id) => sortTo(nextSort(sort, id))} /></section></div>`}<//>`;
}

function Workflows({ params }) {
  const span = period(params);
  const query = useQuery(span.from, (signal) => workflows(period(params), signal));
  return html`<${Loaded} query=${query}>${(rows) => {
    if (!rows.length) return html`<section class="panel"><${Empty} title="No workflow in this period"><p>Name the workflow and its step with each call:</p><pre>Tallygate-Property-Workflow: research\nTallygate-Property-Step: plan</pre><//></section>`;
    const names = [...new Set(rows.map(({ workflow }) => workflow))];
    return html`<div class="stack">${names.map((name) => html`<${Workflow} name=${name} steps=${rows.filter(({ workflow }) => workflow === name)} />`)}</div>`;
  }}<//>`;
}

function Workflow({ name, steps }) {
  const cost = steps.reduce((sum, step) => sum + Number(step.cost ?? 0), 0);
  const runs = Math.max(...steps.map((step) => step.runs));
  const columns = [
    { id: "step", label: "Step", clip: true, show: (row) => html`<${Link} href=${to("/requests", { f: [`property:Workflow~eq~${name}`, ...(row.step ? [`property:Step~eq~${row.step}`] : [])] })}>${row.step || "(no step)"}<//>` },
    { id: "bar", label: "", show: (row) => html`<${Bar} fraction=${cost ? Number(row.cost ?? 0) / cost : 0} />` },
    { id: "cost", label: "Cost", number: true, show: (row) => nanos(row.cost ?? 0) },
    { id: "share", label: "Share", number: true, show: (row) => percent(cost ? Number(row.cost ?? 0) / cost : 0) },
    { id: "requests", label: "Requests", number: true, show: (row) => compact(row.requests) },
    { id: "tokens", label: "Tokens", number: true, show: (row) => compact(row.tokens) },
    { id: "errors", label: "Errors", number: true, show: (row) => percent(row.errors / row.requests) },
    { id: "latency", label: "Median", number: true, show: (row) => duration(row.latency[0]) },
  ];
  const note = html`<span class="soft">${nanos(cost)}${runs ? ` · ${count(runs)} runs · ${nanos(cost / runs)} a run` : ""}</span>`;
  return html`<${Panel} title=${name || "(unnamed)"} actions=${note} bare><${Table} label=${name} columns=${columns} rows=${steps} keyOf=${(row) => row.step} /><//>`;
}
