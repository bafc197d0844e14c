// Requests: live, filtered, sorted; each opens in a drawer.

import { list, matching, propertyNames, SORTS } from "../data/requests.js";
import { count, dollars, duration, exactly, moment, nanos } from "../lib/format.js";
import { read } from "../lib/filters.js";
import { html, useEffect, useRef, useState } from "../lib/h.js";
import { useShortcut } from "../lib/keys.js";
import { period } from "../lib/period.js";
import { useQuery } from "../lib/query.js";
import { patch } from "../lib/router.js";
import { FilterBar } from "../ui/filter_bar.js";
import { Icon } from "../ui/icons.js";
import { Badge, Empty, Head, Loaded, PeriodPicker } from "../ui/parts.js";
import { Table } from "../ui/table.js";
import { NoCalls } from "./overview.js";
import { RequestDrawer } from "./request_drawer.js";

const LIVE_MS = 1500;
const PAGE = 50;
const MOST = 500;

export function Requests({ params }) {
  const asked = askedFor(params);
  const key = JSON.stringify({ ...asked, span: asked.span.id + (asked.span.id === "custom" ? asked.span.from : "") });
  const [paused, pause] = useState(false);
  const live = !paused && asked.sort.by === "received_at" && asked.sort.down;
  const query = useQuery(key, (signal) => list(askedFor(params), signal), { refreshMs: live ? LIVE_MS : 0 });
  const sums = useQuery(key, (signal) => matching(askedFor(params), signal), { refreshMs: live ? LIVE_MS : 0 });
  const names = useQuery(asked.span.id, (signal) => propertyNames(period(params), signal));
  useShortcut(" ", () => pause(!paused));
  const fresh = useFresh(query.data?.calls, key);
  const sub = sums.data && `${count(sums.data.requests)} request${sums.data.requests === 1 ? "" : "s"} · ${nanos(sums.data.cost ?? 0)}`;
  return html`<${Head} title="Requests" sub=${sub}>
      <button type="button" class="button" aria-pressed=${String(paused)} onClick=${() => pause(!paused)}>
        <span class=${`dot ${live ? "live" : ""}`}></span>${paused ? "Paused" : live ? "Live" : "Not live while sorted"}</button>
      <${PeriodPicker} params=${params} /><//>
    <div class="stack"><${FilterBar} params=${params} properties=${names.data ?? []} />
      <${Loaded} query=${{ ...query, loading: false }} lines=${14}>${({ calls, more }) => (calls.length
        ? html`<${Listed} calls=${calls} more=${more} asked=${asked} params=${params} fresh=${fresh} />`
        : asked.conditions.length ? html`<section class="panel"><${Empty} title="No request matches"><p>Take a filter away, or choose a longer period.</p><//></section>` : html`<${NoCalls} />`)}<//></div>
    ${params.get("id") && html`<${RequestDrawer} id=${params.get("id")} onClose=${() => patch({ id: null, tab: null })} />`}`;
}

function askedFor(params) {
  return {
    span: period(params), conditions: read(params), any: params.get("match") === "any",
    sort: { by: SORTS.has(params.get("sort")) ? params.get("sort") : "received_at", down: params.get("order") !== "asc" },
    limit: Math.min(MOST, Number(params.get("show")) || PAGE),
  };
}

// Ids of the calls that came since the list was last shown.
function useFresh(calls, key) {
  const seen = useRef({ key: "", ids: new Set() });
  const [fresh, set] = useState(new Set());
  useEffect(() => {
    if (!calls) return;
    const ids = calls.map((call) => call.request_id);
    const known = seen.current.key === key ? seen.current.ids : null;
    if (known) set(new Set(ids.filter((id) => !known.has(id))));
    seen.current = { key, ids: new Set(ids) };
  }, [calls, key]);
  return fresh;
}

function Listed({ calls, more, asked, params, fresh }) {
  const open = (call) => patch({ id: call.request_id });
  const step = (by) => {
    const index = calls.findIndex((call) => call.request_id === params.get("id"));
    const next = calls[index < 0 ? 0 : index + by];
    if (next) patch({ id: next.request_id }, { replace: index >= 0 });
  };
  useShortcut("j", () => step(1));
  useShortcut("k", () => step(-1));
  const sort = (id) => patch({ sort: id, order: asked.sort.by === id && asked.sort.down ? "asc" : null });
  return html`<section class="panel"><${Table} label="Requests" columns=${[...COLUMNS, ...params.getAll("col").map(propertyColumn)]} rows=${calls} keyOf=${(call) => call.request_id}
      onOpen=${open} chosen=${params.get("id")} sort=${asked.sort} onSort=${sort} fresh=${fresh} />
    ${more && asked.limit < MOST && html`<p class="empty" style="padding:12px;margin:0"><button type="button" class="button" onClick=${() => patch({ show: asked.limit + 100 }, { replace: true })}><${Icon} name="down" />Show more</button></p>`}</section>`;
}

export function statusTone(call) {
  if (call.outcome === "ok" || call.outcome === "cache_hit") return "good";
  return call.status === 429 || call.outcome === "client_cancelled" || call.outcome === "rejected" ? "warn" : "bad";
}

const estimated = (call) => (call.token_source === "estimated" ? "≈" : "");
const COLUMNS = [
  { id: "received_at", label: "Time", sort: true, show: (call) => moment(call.received_at), title: (call) => exactly(call.received_at) },
  { id: "status", label: "Status", show: (call) => html`<${Badge} tone=${statusTone(call)} title=${[call.outcome, call.error_code, call.error_message].filter(Boolean).join(": ")}>${call.status || "–"}<//>${call.cache === "hit" ? html` <${Badge}>cache<//>` : ""}` },
  { id: "model", label: "Model", clip: true, show: (call) => call.model || call.model_requested || "–", title: (call) => `${call.provider} ${call.model}` },
  { id: "provider", label: "Provider", show: (call) => call.provider || "–" },
  { id: "user_id", label: "User", clip: true, show: (call) => call.user_id || "–" },
  { id: "input_tokens", label: "Tokens in", number: true, sort: true, show: (call) => estimated(call) + count(call.input_tokens) },
  { id: "output_tokens", label: "out", number: true, sort: true, show: (call) => estimated(call) + count(call.output_tokens) },
  { id: "cost_usd", label: "Cost", number: true, sort: true, show: (call) => (call.priced ? dollars(call.cost_usd) : "unknown"), title: (call) => (call.priced ? `${call.cost_usd} USD` : "No price is known for it") },
  { id: "ttft_ms", label: "First byte", number: true, sort: true, show: (call) => duration(call.ttft_ms) },
  { id: "latency_ms", label: "Latency", number: true, sort: true, show: (call) => duration(call.latency_ms) },
];

function propertyColumn(name) {
  return { id: `property:${name}`, label: name, clip: true, show: (call) => call.properties[name.toLowerCase()] ?? "–" };
}
