// One form for every rule: what doesn't fit the chosen metric isn't shown, and a sentence says what will happen.

import { patchJson, post } from "../../lib/api.js";
import { fromTree, toTree } from "../../lib/filter_tree.js";
import { words } from "../../lib/filters.js";
import { html, useState } from "../../lib/h.js";
import { addsUp, body, canBlock, changesOf, CHOICES, draftOfRule, metricName, unitHint } from "../../lib/rules.js";
import { Adder } from "../../ui/filter_bar.js";
import { Dialog, Field, Problem } from "../../ui/parts.js";

const FORM = "rule-form";

// A `draft` for a new rule, or a `rule` to change.
export function RuleForm({ draft, rule, data, onClose, onDone }) {
  const [values, setValues] = useState(rule ? draftOfRule(rule) : { ...draft, project: draft.project || data.projects[0]?.id });
  const [state, set] = useState({});
  const change = (changes) => setValues((old) => ({ ...old, ...changes }));
  const submit = async (event) => {
    event.preventDefault();
    set({ busy: true });
    try {
      if (rule) await patchJson(`/admin/rules/${rule.rule_id}`, changesOf(body(draftOfRule(rule)), body(values)));
      else await post("/admin/rules", { ...body(values), project: values.project });
    } catch (error) {
      set({ error });
      return;
    }
    onDone(rule ? "Rule saved" : "Rule made");
  };
  const title = rule ? `Change ${rule.name}` : "New rule";
  return html`<${Dialog} title=${title} onClose=${onClose} footer=${html`<button type="button" class="button" onClick=${onClose}>Cancel</button>
      <button type="submit" form=${FORM} class="button primary" disabled=${state.busy}>${rule ? "Save" : "Create"}</button>`}>
    <p class="notice">${sentence(values)}</p><form id=${FORM} class="form" onSubmit=${submit} autocomplete="off"><${Inputs} values=${values} change=${change} data=${data} fixed=${Boolean(rule)} /></form>
    <${Calls} tree=${values.filter} onChange=${(filter) => change({ filter })} /><p></p><${Problem} error=${state.error} /><//>`;
}

function Inputs({ values, change, data, fixed }) {
  const anomaly = values.kind === "anomaly";
  const plain = values.kind === "threshold";
  const text = (name, label, more = {}) => html`<${Field} label=${label} hint=${more.hint} full=${more.full}><input name=${name} type=${more.type ?? "text"} step="any" min=${more.min} required=${more.required} value=${values[name]} onInput=${(event) => change({ [name]: event.currentTarget.value })} autocomplete="off" /><//>`;
  const choice = (name, label, options = CHOICES[name]) => html`<${Field} label=${label}><select name=${name} value=${values[name]} onChange=${(event) => change({ [name]: event.currentTarget.value })}>${known(options, values[name]).map(([id, words]) => html`<option value=${id}>${words}</option>`)}</select><//>`;
  const check = (name, label) => html`<label class="check"><input type="checkbox" name=${name} checked=${values[name]} onChange=${(event) => change({ [name]: event.currentTarget.checked })} />${label}</label>`;
  const kinds = CHOICES.kind.filter(([id]) => id !== "projected" || addsUp(values.metric));
  return html`${text("name", "Name", { required: true, full: true })}
    ${!fixed && choice("project", "Project", data.projects.map(({ id }) => [id, id]))}
    ${choice("metric", "Metric")}${choice("kind", "Fire when it", kinds)}
    ${!anomaly && text("limit", `Limit, in ${unitHint(values.metric)}`, { type: "number", required: true, min: 0 })}
    ${anomaly ? html`${text("factor", "At least so many times the past", { type: "number", required: true })}${text("weeks", "Past weeks", { type: "number", required: true, min: 1 })}
        ${text("min_value", `And not below, in ${unitHint(values.metric)}`, { type: "number", min: 0 })}` : choice("window", "Counted over")}
    ${choice("group", "Counted for")}${values.group === "property" && text("property", "Property", { required: true })}
    ${!anomaly && !(plain && values.direction === "below") && text("thresholds", "Tell at, in percent of the limit", { hint: "Several with commas, as 50, 80, 100" })}
    ${plain && choice("direction", "Side", [["above", "at the limit and over it"], ["below", "under the limit"]])}
    ${choice("action", "What to do", CHOICES.action.filter(([id]) => id === "notify" || id === values.action || canBlock(values)))}
    ${text("min_requests", "Only from so many calls on", { type: "number", min: 0 })}
    ${values.action === "block" && values.metric === "cost" && html`<div class="full">${check("reserve", "Reserve what each call may cost at worst, so that nothing overshoots")}</div>`}
    <div class="full">${check("notify_resolved", "Tell when it is over, too")}</div>
    <${Whom} values=${values} change=${change} channels=${data.channels} />`;
}

// The options, and what is set although it isn't one of them.
function known(options, value) {
  return options.some(([id]) => id === value) ? options : [...options, [value, value]];
}

function Whom({ values, change, channels }) {
  const own = channels.filter((channel) => channel.project === values.project && channel.events === "alerts");
  if (!own.length) return html`<p class="full soft">This project has no channel for alerts yet: what fires shows on this page, and nobody is told.</p>`;
  const toggle = (id) => (event) => change({ channels: event.currentTarget.checked ? [...values.channels, id] : values.channels.filter((one) => one !== id) });
  return html`<fieldset class="full row"><legend>Tell (none chosen: all)</legend>${own.map((channel) => html`<label class="check"><input type="checkbox" checked=${values.channels.includes(channel.channel_id)} onChange=${toggle(channel.channel_id)} />${channel.name}</label>`)}</fieldset>`;
}

export function Calls({ tree, onChange }) {
  const conditions = fromTree(tree);
  if (conditions === null) return html`<h3>Which calls</h3><pre>${JSON.stringify(tree, null, 2)}</pre><button type="button" class="button small" onClick=${() => onChange(null)}>All calls</button>`;
  return html`<h3>Which calls</h3><div class="row">${conditions.length ? "" : html`<span class="soft">All of the project.</span>`}
    ${conditions.map((condition, index) => html`<span class="chip"><span>${words(condition)}</span>
      <button type="button" aria-label=${`Remove ${words(condition)}`} onClick=${() => onChange(toTree(conditions.filter((_, other) => other !== index)))}>×</button></span>`)}</div>
    <p></p><${Adder} free onAdd=${(condition) => onChange(toTree([...conditions, condition]))} />`;
}

function sentence(values) {
  const said = body({ ...values, limit: values.limit || "0" });
  const unit = unitHint(values.metric);
  const limit = unit === "dollars" ? `$${values.limit || "…"}` : unit === "percent" ? `${values.limit || "…"}%` : `${values.limit || "…"} ${unit}`;
  const over = CHOICES.window.find(([id]) => id === values.window)?.[1] ?? `the last ${values.window}`;
  const who = values.group === "" ? "" : `, ${CHOICES.group.find(([id]) => id === values.group)[1]} apart`;
  const what = metricName(values.metric).toLowerCase();
  if (values.kind === "anomaly") return `Tells when the ${what} of an hour is ${values.factor} times that of the same hour in the past ${values.weeks} weeks${who}.`;
  const reaches = values.kind === "projected" ? "is going to reach" : said.direction === "below" ? "is below" : "reaches";
  const then = { notify: "", warn: " From then on, answers are marked.", block: " From then on, calls are refused until the period ends." }[values.action];
  const parts = said.thresholds_percent.length > 1 || said.thresholds_percent[0] !== 100 ? ` (${said.thresholds_percent.map((one) => `${one}%`).join(", ")})` : "";
  return `Tells when the ${what} of ${over} ${reaches} ${limit}${parts}${who}.${then}`;
}
