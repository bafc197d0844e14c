// Overview: what it costs, how much there is, how well it works; against the period before.

import { anyCall, overview } from "../data/overview.js";
import { get } from "../lib/api.js";
import { compact, count, duration, nanos, percent } from "../lib/format.js";
import { html } from "../lib/h.js";
import { period } from "../lib/period.js";
import { useQuery } from "../lib/query.js";
import { Link, to } from "../lib/router.js";
import { Chart } from "../ui/chart.js";
import { Bar, Empty, Head, Loaded, Panel, PeriodPicker, Tile } from "../ui/parts.js";
import { Table } from "../ui/table.js";

const REFRESH_MS = 15_000;

export function Overview({ params }) {
  const span = period(params);
  const query = useQuery(`${span.id}${span.from}`, (signal) => overview(period(params), signal), { refreshMs: REFRESH_MS });
  return html`<${Head} title="Overview"><${PeriodPicker} params=${params} /><//>
    <${Loaded} query=${query} lines=${12}>${(data) => (data.now ? html`<${Filled} data=${data} />` : html`<${NoCalls} />`)}<//>`;
}

// Before the first call ever: what to do next. Else: where the calls are.
export function NoCalls() {
  const query = useQuery("any", (signal) => Promise.all([anyCall(signal), get("/info", {}, signal)]));
  if (!query.data) return null;
  const [any, info] = query.data;
  if (any) return html`<section class="panel"><${Empty} title="No call in this period"><p>Choose a longer one above.</p><//></section>`;
  const example = `curl ${info.gateway_url}/v1/chat/completions \\\n  -H 'Content-Type: application/json' \\\n  -H "Authorization: Bearer $OPENAI_API_KEY" \\\n  -d '{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello"}]}'`;
  return html`<section class="panel"><${Empty} title="No call yet">
    <p>Send the first one through the gateway; it appears here within a second or two. In an SDK only the base URL changes, to <span class="mono">${info.gateway_url}/v1</span>.</p>
    <pre>${example}</pre><p>Without an API key, see everything at work with simulated providers:</p><pre>tallygate demo</pre><//></section>`;
}

function Filled({ data }) {
  const { now, before } = data;
  return html`<div class="stack"><${Tiles} now=${now} before=${before} />
    <div class="two">
      <${Panel} title="Spend by model"><${Chart} title="Spend by model" kind="bars" times=${data.times} series=${data.spend} format=${nanos} /><//>
      <${Panel} title="Requests"><${Chart} title="Requests" kind="area" times=${data.times} series=${data.requests} format=${compact} /><//>
      <${Panel} title="Latency"><${Chart} title="Latency" times=${data.times} series=${data.latency} format=${duration} /><//>
      <${Panel} title="Tokens"><${Chart} title="Tokens" kind="bars" times=${data.times} series=${data.tokens} format=${compact} /><//>
    </div>
    <div class="two"><${TopModels} rows=${data.models} total=${Number(now.cost)} /><${TopUsers} rows=${data.users} total=${Number(now.cost)} /></div></div>`;
}

function Tiles({ now, before }) {
  const rate = (row) => (row ? row.errors / row.requests : undefined);
  const points = before ? (rate(now) - rate(before)) * 100 : null;
  const hits = now.cache_hits ? `${count(now.cache_hits)} hits` : "no hits";
  return html`<div class="tiles">
    <${Tile} label="Spend" value=${nanos(now.cost)} title=${`${Number(now.cost) / 1e9} USD`} now=${Number(now.cost)} before=${Number(before?.cost ?? 0)} better="down"
      note=${now.unpriced ? `${count(now.unpriced)} unpriced` : ""} />
    <${Tile} label="Requests" value=${compact(now.requests)} now=${now.requests} before=${before?.requests} />
    <${Tile} label="Tokens" value=${compact(now.input_tokens + now.output_tokens)} now=${now.input_tokens + now.output_tokens}
      before=${before ? before.input_tokens + before.output_tokens : undefined} note=${`${compact(now.output_tokens)} out`} />
    <${Tile} label="Error rate" value=${percent(rate(now), 2)} note=${`${count(now.errors)} failed${points ? ` · ${points > 0 ? "+" : "−"}${Math.abs(points).toFixed(2)} pts` : ""}`} />
    <${Tile} label="Latency, median" value=${duration(now.latency[0])} now=${now.latency[0]} before=${before?.latency[0]} better="down" note=${`p99 ${duration(now.latency[2])}`} />
    <${Tile} label="First byte, median" value=${duration(now.ttft[0])} now=${now.ttft[0]} before=${before?.ttft[0]} better="down" note=${`p95 ${duration(now.ttft[1])}`} />
    <${Tile} label="Saved by the cache" value=${nanos(now.saved ?? 0)} now=${Number(now.saved ?? 0)} before=${Number(before?.saved ?? 0)} better="up" note=${hits} />
  </div>`;
}

const share = (total) => ({ id: "share", label: "", show: (row) => html`<${Bar} fraction=${total ? Number(row.cost) / total : 0} />` });
const common = [
  { id: "requests", label: "Requests", number: true, show: (row) => compact(row.requests) },
  { id: "errors", label: "Errors", number: true, show: (row) => percent(row.errors / row.requests) },
  { id: "cost", label: "Cost", number: true, show: (row) => nanos(row.cost ?? 0) },
];

function TopModels({ rows, total }) {
  const name = { id: "model", label: "Model", clip: true, show: (row) => html`<${Link} href=${to("/requests", { f: `model~eq~${row.model}` })}>${row.model || "(none)"}<//>` };
  return html`<${Panel} title="Top models" bare actions=${html`<${Link} href=${to("/models")}>All models<//>`}>
    <${Table} label="Top models" columns=${[name, share(total), ...common]} rows=${rows} keyOf=${(row) => row.model} /><//>`;
}

function TopUsers({ rows, total }) {
  const name = { id: "user", label: "User", clip: true, show: (row) => html`<${Link} href=${to("/users", { user: row.user_id })}>${row.user_id || "(none named)"}<//>` };
  return html`<${Panel} title="Top users" bare actions=${html`<${Link} href=${to("/users")}>All users<//>`}>
    <${Table} label="Top users" columns=${[name, share(total), ...common]} rows=${rows} keyOf=${(row) => row.user_id} /><//>`;
}
