// One request: its conversation, its facts, its tries, its bytes; as a command, and again.

import { detail, replay } from "../data/requests.js";
import { get } from "../lib/api.js";
import { bytes, count, dollars, duration, exactly, pretty } from "../lib/format.js";
import { html, useState } from "../lib/h.js";
import { useQuery } from "../lib/query.js";
import { here, Link, patch, to } from "../lib/router.js";
import { may } from "../lib/who.js";
import { Conversation } from "../render/conversation.js";
import { curl } from "../render/curl.js";
import { conversation, parse } from "../render/messages.js";
import { Icon } from "../ui/icons.js";
import { Badge, CopyButton, Dialog, Field, Loaded, Problem, Tabs, toast } from "../ui/parts.js";
import { Table } from "../ui/table.js";
import { statusTone } from "./requests.js";

const TABS = [["talk", "Conversation"], ["facts", "Details"], ["tries", "Tries"], ["raw", "Raw"]];

export function RequestDrawer({ id, onClose }) {
  const query = useQuery(id, (signal) => Promise.all([detail(id, signal), get("/info", {}, signal)]));
  const tab = here().params.get("tab") ?? "talk";
  const [replaying, setReplaying] = useState(false);
  const call = query.data?.[0];
  const actions = call && html`<${CopyButton} label="Copy as curl" text=${() => curl(call, query.data[1].gateway_url)} />
    ${may("member") && call.method === "POST" && call.prompt && !call.prompt_truncated && html`<button type="button" class="button small" onClick=${() => setReplaying(!replaying)}><${Icon} name="play" />Replay</button>`}`;
  return html`<${Dialog} kind="drawer" title=${call ? call.model || call.model_requested || call.endpoint : "Request"} onClose=${onClose} actions=${actions}>
    <${Loaded} query=${query} lines=${10}>${([shown]) => html`<div class="stack">
      ${replaying && html`<${Replay} call=${shown} />`}
      <${Summary} call=${shown} />
      <${Tabs} label="Parts of the request" tabs=${TABS} value=${tab} onChange=${(next) => patch({ tab: next === "talk" ? null : next }, { replace: true })} />
      <${Shown} call=${shown} tab=${tab} /></div>`}<//><//>`;
}

function Summary({ call }) {
  const facts = [["Cost", call.priced ? dollars(call.cost_usd) : "no price known"], ["Tokens", `${count(call.input_tokens)} in · ${count(call.output_tokens)} out`],
    ["Latency", duration(call.latency_ms)], ["First byte", duration(call.ttft_ms)], ["User", call.user_id || "–"]];
  return html`<div class="row"><${Badge} tone=${statusTone(call)}>${call.status} ${call.outcome.replaceAll("_", " ")}<//>
      <span class="soft">${call.provider} · ${exactly(call.received_at)}${call.stream ? " · stream" : ""}</span></div>
    ${call.error_message && html`<div class="problem"><span>${[call.error_code, call.error_message].filter(Boolean).join(": ")}</span></div>`}
    <dl class="facts" style="grid-template-columns:repeat(auto-fill,minmax(120px,1fr))">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd><b>${value}</b></dd></div>`)}</dl>`;
}

function Shown({ call, tab }) {
  if (tab === "facts") return html`<${Facts} call=${call} />`;
  if (tab === "tries") return html`<${Tries} call=${call} />`;
  if (tab === "raw") return html`<${Raw} call=${call} />`;
  const talk = conversation(call.prompt, call.response);
  return talk ? html`<${Conversation} talk=${talk} />` : html`<${Raw} call=${call} />`;
}

function Facts({ call }) {
  const number = (value) => (value ? count(value) : "");
  const facts = [
    ["Request id", call.request_id], ["Path", `${call.method} ${call.path}`], ["Model asked for", call.model_requested], ["Model that answered", call.model],
    ["Provider's id", call.provider_request_id], ["Key", call.key_id], ["Exact cost", call.priced ? `${call.cost_usd} USD` : "no price is known"], ["Price", call.price_ref],
    ["Service tier", call.service_tier], ["Tokens counted by", call.token_source], ["Read from the provider's cache", number(call.cached_input_tokens)],
    ["Written to its cache", number(call.cache_write_tokens)], ["Reasoning tokens", number(call.reasoning_tokens)], ["Gateway's cache", call.cache],
    ["Prompt", [call.prompt_id, call.prompt_version].filter(Boolean).join(" ")], ["Ended", exactly(call.ended_at)],
    ...Object.entries(call.properties).map(([name, value]) => [name, value]), ...Object.entries(call.rate_limit),
  ].filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return html`<dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}
    ${call.session_id && html`<div><dt>Session</dt><dd><${Link} href=${to("/sessions", { session: call.session_id })}>${call.session_name || call.session_id}<//> <span class="soft">${call.session_path}</span></dd></div>`}</dl>`;
}

const TRIES = [
  { id: "n", label: "Try", show: (row) => row.n }, { id: "provider", label: "Provider", show: (row) => row.provider }, { id: "model", label: "Model", show: (row) => row.model },
  { id: "status", label: "Status", show: (row) => row.status || "–" }, { id: "error", label: "Error", show: (row) => row.error || "–" },
  { id: "delay", label: "Waited", number: true, show: (row) => duration(row.delay_ms) }, { id: "latency", label: "Latency", number: true, show: (row) => duration(row.latency_ms) },
];

function Tries({ call }) {
  if (!call.attempts.length) return html`<p class="soft">No provider was called: the gateway answered by itself.</p>`;
  return html`<${Table} label="Tries" columns=${TRIES} rows=${call.attempts.map((attempt, index) => ({ ...attempt, n: index + 1 }))} />`;
}

function Raw({ call }) {
  return html`<${Body} name="Request" text=${call.prompt} size=${call.prompt_bytes} cut=${call.prompt_truncated} />
    <${Body} name="Response" text=${call.response} size=${call.response_bytes} cut=${call.response_truncated} />`;
}

function Body({ name, text, size, cut }) {
  const json = text ? parse(text) : null;
  const shown = json === null ? text : pretty(json);
  return html`<section class="stack" style="gap:6px"><div class="row"><h3>${name}</h3><span class="soft">${bytes(size)}${cut ? ", only the beginning is stored" : ""}</span><span class="grow"></span>
    ${text && html`<${CopyButton} text=${text} />`}</div><pre>${shown || (size ? "(not stored, or removed after 90 days)" : "(empty)")}</pre></section>`;
}

function Replay({ call }) {
  const [key, setKey] = useState("");
  const [state, set] = useState({});
  const send = async (event) => {
    event.preventDefault();
    set({ busy: true });
    try {
      const done = await replay(call.request_id, key);
      set({ done });
      toast(`Replayed: ${done.status}`);
    } catch (error) {
      set({ error });
    }
  };
  return html`<form class="notice stack" onSubmit=${send}><div>Sends the stored request through the gateway again, as a new call. It costs what it costs.</div>
    <div class="row" style="align-items:end"><${Field} label="Gateway or provider key (not needed in open mode with a stored credential)"><input type="password" autocomplete="off" value=${key} onInput=${(event) => setKey(event.currentTarget.value)} /><//>
    <button type="submit" class="button primary" disabled=${state.busy}>${state.busy ? "Sending…" : "Send again"}</button></div>
    <${Problem} error=${state.error} />
    ${state.done && html`<div>Answered ${state.done.status} in ${duration(state.done.latency_ms)}. <${Link} href=${to("/requests", { id: state.done.request_id })}>Open the new request<//></div>`}</form>`;
}
