// Rate limits: who was throttled, and what the providers say is left.

import { limits } from "../data/traffic.js";
import { ago, compact, count, percent } from "../lib/format.js";
import { html } from "../lib/h.js";
import { period } from "../lib/period.js";
import { useQuery } from "../lib/query.js";
import { to, visit } from "../lib/router.js";
import { Chart } from "../ui/chart.js";
import { Bar, Empty, Head, Loaded, Panel, PeriodPicker } from "../ui/parts.js";
import { Table } from "../ui/table.js";

const LOW = 0.1;
const SCARCE = 0.3;

function Left({ left, limit }) {
  if (left === null || left === undefined) return "–";
  const fraction = limit ? left / limit : null;
  const tone = fraction === null || fraction > SCARCE ? "" : fraction > LOW ? "warn" : "bad";
  return html`${compact(left)}${limit ? html` <span class="soft">of ${compact(limit)}</span> <${Bar} fraction=${fraction} tone=${tone} />` : ""}`;
}

const CAPACITY = [
  { id: "provider", label: "Provider", show: (row) => row.provider },
  { id: "key", label: "Gateway key", clip: true, show: (row) => row.key_id || "(none)" },
  { id: "requests", label: "Requests left", number: true, show: (row) => html`<${Left} left=${row.requests_left} limit=${row.requests_limit} />` },
  { id: "tokens", label: "Tokens left", number: true, show: (row) => html`<${Left} left=${row.tokens_left} limit=${row.tokens_limit} />` },
  { id: "seen", label: "As of", show: (row) => ago(row.last_seen) },
];
const EVENTS = [
  { id: "provider", label: "Provider", show: (row) => row.provider || "(gateway)" },
  { id: "model", label: "Model", clip: true, show: (row) => row.model || "–" },
  { id: "user", label: "User", clip: true, show: (row) => row.user_id || "–" },
  { id: "key", label: "Key", clip: true, show: (row) => row.key_id || "–" },
  { id: "code", label: "Code", show: (row) => row.error_code || "–" },
  { id: "events", label: "Calls", number: true, show: (row) => count(row.events) },
  { id: "last", label: "Last", show: (row) => ago(row.last_seen) },
];

export function Limits({ params }) {
  const span = period(params);
  const query = useQuery(span.from, (signal) => limits(period(params), signal), { refreshMs: 10_000 });
  const open = (row) => visit(to("/requests", {
    f: ["status~eq~429", ...(row.provider ? [`provider~eq~${row.provider}`] : []), ...(row.user_id ? [`user_id~eq~${row.user_id}`] : [])],
  }));
  return html`<${Head} title="Rate limits"><${PeriodPicker} params=${params} /><//>
    <${Loaded} query=${query}>${(data) => html`<div class="stack"><div class="two">
      <${Panel} title="Capacity left, lowest of each moment">${data.capacity.length ? html`<${Chart} title="Capacity left" times=${data.times} series=${data.capacity} format=${(value) => percent(value, 0)} />`
        : html`<${Empty} title="No provider told its limits"><p>Providers tell them in headers of their answers (x-ratelimit-…); they show here as calls come.</p><//>`}<//>
      <${Panel} title="Throttled tries">${data.throttled.length ? html`<${Chart} title="Throttled tries" kind="bars" times=${data.times} series=${data.throttled} format=${compact} />`
        : html`<${Empty} title="No provider throttled a call" />`}<//></div>
      ${data.providers.length > 0 && html`<${Panel} title="What is left now" bare><${Table} label="Capacity" columns=${CAPACITY} rows=${data.providers} /><//>`}
      <${Panel} title="Calls that ended throttled" bare>${data.events.length ? html`<${Table} label="Throttled calls" columns=${EVENTS} rows=${data.events} onOpen=${open} />` : html`<${Empty} title="None in this period" />`}<//></div>`}<//>`;
}
