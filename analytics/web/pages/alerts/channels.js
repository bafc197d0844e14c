// Whom alerts and records of calls go to. A signing secret is shown once; a URL never again.

import { channels } from "../../data/alerts.js";
import { patchJson, post, remove } from "../../lib/api.js";
import { html, useState } from "../../lib/h.js";
import { useQuery } from "../../lib/query.js";
import { FormDialog, list } from "../../ui/form_dialog.js";
import { Icon } from "../../ui/icons.js";
import { Badge, CopyButton, Dialog, Empty, Loaded, Panel, Problem, toast } from "../../ui/parts.js";
import { Table } from "../../ui/table.js";
import { Calls } from "./rule_form.js";

const KINDS = [["webhook", "Webhook"], ["slack", "Slack"], ["email", "E-mail"]];

export function Channels() {
  const query = useQuery("channels", channels);
  const [making, make] = useState("");
  const [issued, show] = useState(null);
  const [error, fail] = useState(null);
  const act = async (work, text) => {
    try {
      const answer = await work();
      fail(null);
      if (answer?.signing_secret) show(answer); else toast(text);
      query.reload();
    } catch (problem) {
      fail(problem);
    }
  };
  const made = (answer, text) => { make(""); query.reload(); if (answer.signing_secret) show(answer); else toast(text); };
  const add = (what, label) => html`<button type="button" class="button small" onClick=${() => make(what)}><${Icon} name="plus" />${label}</button>`;
  return html`<${Problem} error=${error} /><${Loaded} query=${query}>${(data) => html`<div class="stack">
    <${Panel} title="Channels" bare actions=${html`${add("email", "E-mail")}${add("slack", "Slack")}${add("webhook", "Webhook")}`}>
      ${data.channels.length ? html`<${Table} label="Channels" columns=${columns(act)} rows=${data.channels} keyOf=${(row) => row.channel_id} />`
        : html`<${Empty} title="Nobody is told yet"><p>Add a webhook, a Slack channel or e-mail addresses: rules tell all of them, or those that they name.</p><//>`}<//>
    <${Panel} title="Call webhooks" bare actions=${add("hook", "Call webhook")}>
      ${data.hooks.length ? html`<${Table} label="Call webhooks" columns=${hookColumns(act, data.channels)} rows=${data.hooks} keyOf=${(row) => row.hook_id} />`
        : html`<${Empty} title="No call webhook"><p>The records of calls go to webhooks for calls when the caller sends Tallygate-Webhook-Enabled: true, or by a rule of your own here.</p><//>`}<//>
    ${making === "hook" && html`<${NewHook} data=${data} onClose=${() => make("")} onDone=${(answer) => made(answer, "Call webhook made")} />`}
    ${making && making !== "hook" && html`<${NewChannel} kind=${making} data=${data} onClose=${() => make("")} onDone=${(answer) => made(answer, "Channel made")} />`}</div>`}<//>
    ${issued && html`<${Dialog} title="The signing secret" onClose=${() => show(null)}><p>The receiver verifies with it that a message is from here. Copy it now: it is not shown again.</p><pre>${issued.signing_secret}</pre><p></p><${CopyButton} text=${issued.signing_secret} label="Copy secret" /><//>`}`;
}

const quiet = (label, work, tone = "") => html`<button type="button" class=${`button quiet small ${tone}`} onClick=${work}>${label}</button>`;

function columns(act) {
  const path = (row) => `/admin/channels/${row.channel_id}`;
  const drop = (row) => window.confirm(`Remove ${row.name}?`) && act(() => remove(path(row)), "Channel removed");
  return [
    { id: "name", label: "Channel", show: (row) => html`<b>${row.name}</b>` }, { id: "kind", label: "Kind", show: (row) => KINDS.find(([id]) => id === row.kind)?.[1] ?? row.kind },
    { id: "takes", label: "Takes", show: (row) => row.events }, { id: "target", label: "Goes to", clip: true, show: (row) => row.target || row.addresses.join(", "), title: (row) => row.target || row.addresses.join(", ") },
    { id: "project", label: "Project", show: (row) => row.project },
    { id: "state", label: "State", show: (row) => html`<${Badge} tone=${row.enabled ? "good" : "warn"} title=${row.disabled_reason}>${row.enabled ? "on" : row.disabled_reason ? "off: gone" : "off"}<//>` },
    { id: "do", label: "", show: (row) => html`${row.enabled && quiet("Test", () => act(() => post(`${path(row)}/test`, {}), "Test sent: see Deliveries"))}
      ${row.kind === "webhook" && quiet("New secret", () => act(() => post(`${path(row)}/rotate`, {}), ""))}
      ${quiet(row.enabled ? "Switch off" : "Switch on", () => act(() => patchJson(path(row), { enabled: !row.enabled }), row.enabled ? "Switched off" : "Switched on"))}${quiet("Remove", () => drop(row), "danger")}` },
  ];
}

function hookColumns(act, all) {
  const path = (row) => `/admin/hooks/${row.hook_id}`;
  return [
    { id: "name", label: "Call webhook", show: (row) => html`<b>${row.name}</b>` }, { id: "channel", label: "Goes to", show: (row) => all.find(({ channel_id: id }) => id === row.channel_id)?.name ?? row.channel_id },
    { id: "calls", label: "Calls", clip: true, show: (row) => (row.filter ? JSON.stringify(row.filter) : "all"), title: (row) => JSON.stringify(row.filter) }, { id: "sample", label: "Sample", number: true, show: (row) => `${row.sample_percent}%` },
    { id: "bodies", label: "Bodies", show: (row) => (row.include_bodies ? "sent" : "left out") }, { id: "project", label: "Project", show: (row) => row.project },
    { id: "state", label: "State", show: (row) => html`<${Badge} tone=${row.enabled ? "good" : "warn"}>${row.enabled ? "on" : "off"}<//>` },
    { id: "do", label: "", show: (row) => html`${quiet(row.enabled ? "Switch off" : "Switch on", () => act(() => patchJson(path(row), { enabled: !row.enabled }), row.enabled ? "Switched off" : "Switched on"))}${quiet("Remove", () => act(() => remove(path(row)), "Call webhook removed"), "danger")}` },
  ];
}

const projectField = (projects) => ({ name: "project", label: "Project", value: projects[0]?.id, options: projects.map(({ id }) => [id, id]) });

function NewChannel({ kind, data, onClose, onDone }) {
  const where = {
    webhook: [{ name: "url", label: "URL", type: "url", required: true, full: true, hint: "It is kept encrypted and not shown again." }, { name: "events", label: "Takes", value: "alerts", options: [["alerts", "alerts"], ["calls", "records of calls"]] }],
    slack: [{ name: "url", label: "Incoming webhook's URL", type: "url", required: true, full: true, placeholder: "https://hooks.slack.com/services/…", hint: "It is kept encrypted and not shown again." }],
    email: [{ name: "addresses", label: "Addresses", required: true, full: true, hint: "Several with commas", parse: list }],
  }[kind];
  const fields = [{ name: "name", label: "Name", required: true }, projectField(data.projects), ...where];
  const title = { webhook: "New webhook", slack: "New Slack channel", email: "New e-mail channel" }[kind];
  return html`<${FormDialog} title=${title} fields=${fields} action="Create" send=${async (values) => onDone(await post("/admin/channels", { kind, ...values }))} onClose=${onClose} />`;
}

function NewHook({ data, onClose, onDone }) {
  const [filter, choose] = useState(null);
  const takers = data.channels.filter(({ events }) => events === "calls");
  if (!takers.length) return html`<${Dialog} title="New call webhook" onClose=${onClose}><p>First add a webhook that takes records of calls.</p><//>`;
  const fields = [
    { name: "name", label: "Name", required: true }, { name: "channel_id", label: "Goes to", value: takers[0].channel_id, options: takers.map(({ channel_id: id, name, project }) => [id, `${name} (${project})`]) },
    { name: "sample_percent", label: "Sample, in percent of the calls", type: "number", value: "100", required: true, parse: Number }, { name: "include_bodies", label: "With prompts and answers", type: "checkbox", value: false },
  ];
  const send = async (values) => onDone(await post("/admin/hooks", { ...values, filter, project: takers.find(({ channel_id: id }) => id === values.channel_id).project }));
  return html`<${FormDialog} title="New call webhook" fields=${fields} action="Create" send=${send} onClose=${onClose}><p></p><${Calls} tree=${filter} onChange=${choose} /><//>`;
}
