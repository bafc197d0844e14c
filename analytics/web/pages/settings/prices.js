// What projects pay instead of the price list's prices.

import { prices } from "../../data/alerts.js";
import { post, remove } from "../../lib/api.js";
import { html, useState } from "../../lib/h.js";
import { useQuery } from "../../lib/query.js";
import { FormDialog } from "../../ui/form_dialog.js";
import { Icon } from "../../ui/icons.js";
import { Empty, Loaded, Panel, Problem, toast } from "../../ui/parts.js";
import { Table } from "../../ui/table.js";

const KINDS = [
  ["input", "Input"], ["output", "Output"], ["cached_input", "Cached input"], ["cache_write", "Cache write"], ["cache_write_1h", "Cache write for an hour"],
  ["reasoning", "Reasoning"], ["input_audio", "Input audio"], ["output_audio", "Output audio"],
];
const TIERS = [["standard", "Discount on all, as a factor"], ["batch", "Batch, as a factor"], ["flex", "Flex, as a factor"], ["priority", "Priority, as a factor"]];

export function Prices() {
  const query = useQuery("prices", prices);
  const [making, make] = useState(false);
  const [error, fail] = useState(null);
  const drop = async (row) => {
    if (!window.confirm("Remove this price? Calls that were priced already keep their costs.")) return;
    try {
      await remove(`/admin/prices/${row.price_id}`);
      fail(null);
      toast("Price removed");
      query.reload();
    } catch (problem) {
      fail(problem);
    }
  };
  const columns = [
    { id: "model", label: "Model", show: (row) => html`<b>${row.model}</b>` }, { id: "provider", label: "Provider", show: (row) => (row.provider === "*" ? "every" : row.provider) },
    { id: "prices", label: "Prices, dollars a million tokens", clip: true, show: words, title: words }, { id: "from", label: "From", show: (row) => day(row.valid_from_us) }, { id: "to", label: "Until", show: (row) => day(row.valid_to_us) },
    { id: "project", label: "Project", show: (row) => row.project }, { id: "name", label: "Note", clip: true, show: (row) => row.name || "–" },
    { id: "do", label: "", show: (row) => html`<button type="button" class="button quiet small danger" onClick=${() => drop(row)}>Remove</button>` },
  ];
  const done = () => { make(false); query.reload(); toast("Price set"); };
  return html`<${Problem} error=${error} /><${Panel} title="Prices" bare actions=${html`<button type="button" class="button small" onClick=${() => make(true)}><${Icon} name="plus" />Set a price</button>`}>
      <${Loaded} query=${query}>${(data) => (data.prices.length ? html`<${Table} label="Prices" columns=${columns} rows=${data.prices} keyOf=${(row) => row.price_id} />`
        : html`<${Empty} title="No price of your own"><p>Calls cost what the price list says. Set a contract's prices, a discount, or what a model of your own costs.</p><//>`)}<//><//>
    ${making && query.data && html`<${New} projects=${query.data.projects} onClose=${() => make(false)} onDone=${done} />`}`;
}

function words(row) {
  const parts = KINDS.filter(([kind]) => row.prices[kind]).map(([kind]) => `${kind} ${row.prices[kind]}`);
  if (Number(row.per_request)) parts.push(`$${row.per_request} a call`);
  for (const tier of row.tiers) parts.push(`above ${tier.above_input_tokens} tokens: ${Object.entries(tier.prices).map(([kind, price]) => `${kind} ${price}`).join(", ")}`);
  return [...parts, ...Object.entries(row.multipliers).map(([tier, factor]) => `${tier} × ${factor}`)].join(" · ");
}

const day = (us) => (us ? new Date(us / 1000).toISOString().slice(0, 10) : "–");

function New({ projects, onClose, onDone }) {
  const midnight = (text) => (text ? `${text}T00:00:00Z` : undefined);
  const number = (kind, label) => ({ name: kind, label, type: "number" });
  const fields = [
    { name: "model", label: "Model", required: true, placeholder: "gpt-4o*", hint: "* stands for anything" }, { name: "provider", label: "Provider", placeholder: "every" },
    { name: "project", label: "Project", value: projects[0]?.id, options: projects.map(({ id }) => [id, id]) }, { name: "name", label: "Note" },
    { name: "valid_from", label: "From (UTC)", type: "date", parse: midnight }, { name: "valid_to", label: "Until, excluded (UTC)", type: "date", parse: midnight },
    ...KINDS.map(([kind, label]) => number(kind, `${label}, $ a million tokens`)), number("per_request", "Dollars a call"),
    ...TIERS.map(([tier, label]) => number(`times_${tier}`, label)),
  ];
  const send = async (values) => { await post("/admin/prices", body(values)); onDone(); };
  return html`<${FormDialog} title="Set a price" fields=${fields} action="Set" send=${send} onClose=${onClose}><p></p><p class="soft">A kind without a price costs what input or output does. Prices that grow with the length of calls are set by the command or the API.</p><//>`;
}

function body(values) {
  const own = Object.fromEntries(KINDS.filter(([kind]) => values[kind] !== undefined).map(([kind]) => [kind, values[kind]]));
  const multipliers = Object.fromEntries(TIERS.filter(([tier]) => values[`times_${tier}`] !== undefined).map(([tier]) => [tier, values[`times_${tier}`]]));
  const plain = Object.fromEntries(["model", "provider", "project", "name", "valid_from", "valid_to", "per_request"].filter((name) => values[name] !== undefined).map((name) => [name, values[name]]));
  return { ...plain, prices: own, multipliers };
}
