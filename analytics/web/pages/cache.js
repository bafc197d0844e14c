// The gateway's cache: what it saved, and which questions it answered.

import { cache } from "../data/traffic.js";
import { ago, compact, count, duration, nanos, percent } from "../lib/format.js";
import { html } from "../lib/h.js";
import { period } from "../lib/period.js";
import { useQuery } from "../lib/query.js";
import { to, visit } from "../lib/router.js";
import { conversation } from "../render/messages.js";
import { Chart } from "../ui/chart.js";
import { Bar, Empty, Head, Loaded, Panel, PeriodPicker, Tile } from "../ui/parts.js";
import { Table } from "../ui/table.js";

const rate = (row) => (row.hits + row.misses ? row.hits / (row.hits + row.misses) : 0);
const MODELS = [
  { id: "model", label: "Model", clip: true, show: (row) => row.model || "(none)" },
  { id: "bar", label: "", show: (row) => html`<${Bar} fraction=${rate(row)} />` },
  { id: "rate", label: "Hit rate", number: true, show: (row) => percent(rate(row)) },
  { id: "hits", label: "Hits", number: true, show: (row) => compact(row.hits) },
  { id: "saved", label: "Saved", number: true, show: (row) => nanos(row.saved ?? 0) },
];
const TOP = [
  { id: "prompt", label: "Question", clip: true, show: (row) => question(row.question), title: (row) => row.question },
  { id: "model", label: "Model", clip: true, show: (row) => row.model },
  { id: "hits", label: "Hits", number: true, show: (row) => count(row.hits) },
  { id: "saved", label: "Saved", number: true, show: (row) => nanos(row.saved ?? 0) },
  { id: "last", label: "Last", show: (row) => ago(row.last_seen) },
];

function question(prompt) {
  const asked = conversation(prompt, "")?.messages.findLast((message) => message.role !== "system");
  return asked?.parts.find((part) => part.kind === "text")?.text ?? prompt;
}

export function Cache({ params }) {
  const span = period(params);
  const query = useQuery(span.from, (signal) => cache(period(params), signal));
  const open = (row) => visit(to("/requests", { id: row.request_id }));
  return html`<${Head} title="Cache"><${PeriodPicker} params=${params} /><//>
    <${Loaded} query=${query}>${(data) => (data.total.hits + data.total.misses === 0
      ? html`<section class="panel"><${Empty} title="No call in this period asked the cache"><p>Turn it on with a header of the call; the second call with the same body is answered at once and costs nothing:</p><pre>Tallygate-Cache-Enabled: true</pre><//></section>`
      : html`<div class="stack"><${Tiles} total=${data.total} />
        <div class="two"><${Panel} title="Hits and misses"><${Chart} title="Hits and misses" kind="bars" times=${data.times} series=${data.asked} format=${compact} /><//>
          <${Panel} title="By model" bare><${Table} label="Cache by model" columns=${MODELS} rows=${data.models} /><//></div>
        <${Panel} title="Most answered" bare>${data.top.length ? html`<${Table} label="Most answered" columns=${TOP} rows=${data.top} keyOf=${(row) => row.entry} onOpen=${open} />` : html`<${Empty} title="No hit yet" />`}<//></div>`)}<//>`;
}

function Tiles({ total }) {
  const faster = total.hits && total.missed_ms ? Math.max(0, total.missed_ms - total.hit_ms) : null;
  return html`<div class="tiles"><${Tile} label="Saved" value=${nanos(total.saved ?? 0)} note="what the answers would have cost" />
    <${Tile} label="Hit rate" value=${percent(rate(total))} note=${`${count(total.hits)} hits · ${count(total.misses)} misses`} />
    <${Tile} label="Time saved a hit" value=${duration(faster)} note=${`a hit takes ${duration(total.hits ? total.hit_ms : null)}`} />
    <${Tile} label="Time saved" value=${duration(faster === null ? null : faster * total.hits)} note="in sum" /></div>`;
}
