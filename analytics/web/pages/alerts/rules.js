// The rules: what each is at, made from a preset or from nothing, changed, muted.

import { rules } from "../../data/alerts.js";
import { patchJson, remove } from "../../lib/api.js";
import { count, moment } from "../../lib/format.js";
import { html, useState } from "../../lib/h.js";
import { useQuery } from "../../lib/query.js";
import { Link, patch, to } from "../../lib/router.js";
import { amount, conditionWords, draftOf, groupWords, inDays, mutedUntil, PRESETS } from "../../lib/rules.js";
import { Icon } from "../../ui/icons.js";
import { Badge, Bar, Dialog, Empty, Loaded, Panel, Problem, toast } from "../../ui/parts.js";
import { Table } from "../../ui/table.js";
import { RuleForm } from "./rule_form.js";

const REFRESH_MS = 2000;
const NEAR = 0.8;
const DONE = { notify: "tells", warn: "warns", block: "blocks" };

export function Rules({ params }) {
  const query = useQuery("rules", rules, { refreshMs: REFRESH_MS });
  const [draft, begin] = useState(null);
  const open = (row) => patch({ id: row.rule.rule_id });
  const done = (text) => { begin(null); query.reload(); toast(text); };
  const columns = [
    { id: "state", label: "State", show: (row) => html`<${State} row=${row} />` },
    { id: "name", label: "Rule", show: (row) => html`<b>${row.rule.name}</b>` },
    { id: "when", label: "Tells at", clip: true, show: (row) => conditionWords(row.rule), title: (row) => conditionWords(row.rule) },
    { id: "now", label: "Now", show: (row) => html`<${Now} row=${row} />` },
    { id: "action", label: "Does", show: (row) => DONE[row.rule.action] },
    { id: "project", label: "Project", show: (row) => row.rule.project },
  ];
  return html`<${Panel} title="Rules" bare actions=${query.data?.manages && html`<button type="button" class="button small" onClick=${() => begin(draftOf({}))}><${Icon} name="plus" />New rule</button>`}>
      ${query.data?.manages && html`<div class="body row" role="group" aria-label="Begin with">${PRESETS.map(({ label, values }) => html`<button type="button" class="button small" onClick=${() => begin(draftOf(values))}>${label}</button>`)}</div>`}
      <${Loaded} query=${query}>${(data) => (data.rules.length ? html`<${Table} label="Rules" columns=${columns} rows=${data.rules} keyOf=${(row) => row.rule.rule_id} onOpen=${open} />`
        : html`<${Empty} title="No rule yet"><p>A rule tells, warns or blocks when spend, errors, latency or anything else passes a limit. Begin with one of those above, or have an administrator of the project make one.</p><//>`)}<//><//>
    ${draft && query.data && html`<${RuleForm} draft=${draft} data=${query.data} onClose=${() => begin(null)} onDone=${done} />`}
    ${params.get("id") && query.data && html`<${OneRule} data=${query.data} id=${params.get("id")} onDone=${done} />`}`;
}

export function State({ row }) {
  const until = mutedUntil(row.rule);
  if (!row.rule.enabled) return html`<${Badge}>off<//>`;
  const badge = { firing: html`<${Badge} tone="bad">firing<//>`, pending: html`<${Badge} tone="warn" title="Calls from before the rule was made are being counted">counting<//>` }[row.state] ?? (row.state ? html`<${Badge} tone="good">ok<//>` : html`<span class="soft" title="It shows in the rule's own project">–</span>`);
  return html`${badge}${until && html` <${Badge} title=${`Nobody is told until ${moment(until)}`}>muted<//>`}`;
}

// The group that is nearest to the limit.
function Now({ row }) {
  const [first] = row.groups;
  if (!first) return html`<span class="soft">–</span>`;
  const of = row.rule.group_by ? html` <span class="soft">${first.group}${row.groups_total > 1 ? ` and ${count(row.groups_total - 1)} more` : ""}</span>` : "";
  return html`${amount(row.rule.metric, first.value)}${first.percent === null ? "" : html` <span class="soft">${Math.round(first.percent)}%</span>`}${of}<${Progress} rule=${row.rule} group=${first} />`;
}

function Progress({ rule, group }) {
  if (group.percent === null || rule.direction === "below") return null;
  const fraction = group.percent / 100;
  return html`<${Bar} fraction=${fraction} tone=${fraction >= 1 ? "bad" : fraction >= NEAR ? "warn" : ""} />`;
}

function OneRule({ data, id, onDone }) {
  const [editing, edit] = useState(false);
  const [error, fail] = useState(null);
  const close = () => patch({ id: null });
  const row = data.rules.find(({ rule }) => rule.rule_id === id);
  if (!row) return html`<${Dialog} title="This rule is gone" onClose=${close}><p>It was removed, or is of a project that you don't see.</p><//>`;
  const { rule } = row;
  const act = async (work, text) => {
    try {
      await work();
      fail(null);
      onDone(text);
    } catch (problem) {
      fail(problem);
    }
  };
  const change = (changes, text) => act(() => patchJson(`/admin/rules/${id}`, changes), text);
  const drop = () => window.confirm(`Remove ${rule.name}? Its alerts stay on record.`) && act(() => remove(`/admin/rules/${id}`), "Rule removed").then(close);
  if (editing) return html`<${RuleForm} rule=${rule} data=${data} onClose=${() => edit(false)} onDone=${(text) => { edit(false); onDone(text); }} />`;
  const muted = mutedUntil(rule);
  return html`<${Dialog} kind="drawer" title=${rule.name} onClose=${close} footer=${data.manages && html`
      <button type="button" class="button danger" onClick=${drop}>Remove</button><span class="grow"></span>
      <button type="button" class="button" onClick=${() => change({ enabled: !rule.enabled }, rule.enabled ? "Switched off" : "Switched on")}>${rule.enabled ? "Switch off" : "Switch on"}</button>
      <button type="button" class="button" onClick=${() => change({ muted_until: muted ? null : inDays(1) }, muted ? "Not muted any more" : "Muted for a day")}>${muted ? "Unmute" : "Mute for a day"}</button>
      <button type="button" class="button primary" onClick=${() => edit(true)}>Change</button>`}>
    <${Problem} error=${error} />
    <dl class="facts"><div><dt>State</dt><dd><${State} row=${row} /></dd></div><div><dt>Tells at</dt><dd>${conditionWords(rule)}</dd></div>
      <div><dt>Parts of the limit</dt><dd>${rule.thresholds_percent.map((one) => `${one}%`).join(", ")}</dd></div>
      <div><dt>Then it</dt><dd>${DONE[rule.action]}${rule.reserve ? ", with reservation" : ""}</dd></div>
      <div><dt>Time zone</dt><dd>${rule.time_zone}</dd></div>
      <div><dt>Tells</dt><dd>${rule.channels.length ? rule.channels.map((one) => data.channels.find(({ channel_id: known }) => known === one)?.name ?? one).join(", ") : "every channel for alerts"}</dd></div></dl>
    ${rule.filter && html`<h3>Which calls</h3><pre>${JSON.stringify(rule.filter, null, 2)}</pre>`}
    <h3>Now</h3><${Groups} row=${row} />
    <p></p><${Link} href=${to("/alerts", { view: "history", rule: id })}>What it told<//><//>`;
}

function Groups({ row }) {
  const { rule, groups } = row;
  if (!groups.length) return html`<p class="soft">${rule.enabled ? "No call was counted in this period." : "It is off: nothing is counted."}</p>`;
  const columns = [
    ...(rule.group_by ? [{ id: "group", label: groupWords(rule.group_by), clip: true, show: (group) => group.group }] : []),
    { id: "value", label: "Value", number: true, show: (group) => amount(rule.metric, group.value) },
    { id: "percent", label: "Of the limit", number: true, show: (group) => (group.percent === null ? "–" : `${group.percent.toFixed(1)}%`) },
    { id: "bar", label: "", show: (group) => html`<${Progress} rule=${rule} group=${group} />` },
    { id: "projected", label: "At the end", number: true, show: (group) => amount(rule.metric, group.projected) },
    { id: "requests", label: "Requests", number: true, show: (group) => count(group.requests) },
    { id: "firing", label: "Firing", show: (group) => (group.firing.length ? html`<${Badge} tone="bad">${group.firing.map((one) => `${one}%`).join(", ")}<//>` : "–") },
  ];
  return html`<${Table} label="Groups" columns=${columns} rows=${groups} keyOf=${(group) => group.group} />`;
}
