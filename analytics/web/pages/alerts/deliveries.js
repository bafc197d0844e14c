// What was sent to channels, each try of it, and once more on request.

import { deliveries, delivery } from "../../data/alerts.js";
import { post } from "../../lib/api.js";
import { ago, count, duration, exactly, moment, pretty } from "../../lib/format.js";
import { html, useState } from "../../lib/h.js";
import { useQuery } from "../../lib/query.js";
import { patch } from "../../lib/router.js";
import { Badge, Dialog, Empty, Loaded, Panel, Problem, Segments, toast } from "../../ui/parts.js";
import { Table } from "../../ui/table.js";

const REFRESH_MS = 2000;
const PAGE = 100;
const TONES = { delivered: "good", dead: "bad", waiting: "warn" };
const STATES = [["", "All"], ["waiting", "Waiting"], ["delivered", "Delivered"], ["dead", "Given up"]];

export function Deliveries({ params }) {
  const asked = { state: params.get("state"), limit: PAGE, cursor: params.get("cursor") };
  const query = useQuery(JSON.stringify(asked), (signal) => deliveries(asked, signal), { refreshMs: asked.cursor ? 0 : REFRESH_MS });
  const nameOf = (id) => query.data?.channels.find(({ channel_id: known }) => known === id)?.name ?? id;
  const columns = [
    { id: "at", label: "When", show: (row) => moment(row.created_at), title: (row) => exactly(row.created_at) },
    { id: "state", label: "State", show: (row) => html`<${Badge} tone=${TONES[row.state]}>${row.state === "dead" ? "given up" : row.state}<//>` },
    { id: "type", label: "What", show: (row) => row.type }, { id: "channel", label: "Channel", show: (row) => nameOf(row.channel_id) },
    { id: "tries", label: "Tries", number: true, show: (row) => count(row.tries) }, { id: "status", label: "Answer", show: (row) => row.status ?? "–" },
    { id: "error", label: "Problem", clip: true, show: (row) => row.error || "–", title: (row) => row.error },
    { id: "due", label: "Next try", show: (row) => (row.state === "waiting" && row.due_at ? moment(row.due_at) : "–") },
  ];
  return html`<${Panel} title="Deliveries" bare actions=${html`<${Segments} label="State" value=${asked.state ?? ""} options=${STATES} onChange=${(state) => patch({ state, cursor: null })} />`}>
      <${Loaded} query=${query}>${({ data, next_cursor: next }) => (data.length ? html`<${Table} label="Deliveries" columns=${columns} rows=${data} keyOf=${(row) => row.id} onOpen=${(row) => patch({ id: row.id })} />
          ${next && html`<div class="body"><button type="button" class="button" onClick=${() => patch({ cursor: next })}>Older</button></div>`}`
        : html`<${Empty} title="Nothing was sent"><p>Alerts go to the channels for alerts as soon as they are raised. The button Test of a channel sends something now.</p><//>`)}<//><//>
    ${params.get("id") && html`<${OneDelivery} id=${params.get("id")} nameOf=${nameOf} onSent=${query.reload} />`}`;
}

const TRIES = [
  { id: "at", label: "Try", show: (row) => moment(row.at), title: (row) => exactly(row.at) }, { id: "took", label: "Took", number: true, show: (row) => duration(row.duration_us / 1000) },
  { id: "status", label: "Answer", show: (row) => row.status ?? "–" }, { id: "error", label: "Problem", show: (row) => row.error || "–" },
];

function OneDelivery({ id, nameOf, onSent }) {
  const query = useQuery(id, (signal) => delivery(id, signal), { refreshMs: REFRESH_MS });
  const [error, fail] = useState(null);
  const resend = async () => {
    try {
      await post(`/admin/deliveries/${id}/resend`, {});
      fail(null);
      toast("It is sent again");
      query.reload();
      onSent();
    } catch (problem) {
      fail(problem);
    }
  };
  return html`<${Dialog} kind="drawer" title="Delivery" onClose=${() => patch({ id: null })} footer=${html`<button type="button" class="button primary" onClick=${resend}>Send again</button>`}>
    <${Problem} error=${error} /><${Loaded} query=${query}>${({ delivery: one, attempts, payload }) => html`
      <dl class="facts"><div><dt>State</dt><dd><${Badge} tone=${TONES[one.state]}>${one.state}<//></dd></div><div><dt>Channel</dt><dd>${nameOf(one.channel_id)}</dd></div>
        <div><dt>What</dt><dd>${one.type}</dd></div><div><dt>Made</dt><dd>${ago(one.created_at)}</dd></div><div><dt>Id</dt><dd class="mono">${one.id}</dd></div></dl>
      <h3>Tries</h3>${attempts.length ? html`<${Table} label="Tries" columns=${TRIES} rows=${attempts} />` : html`<p class="soft">None yet.</p>`}
      <h3>What is sent</h3><pre>${pretty(payload)}</pre>`}<//><//>`;
}
