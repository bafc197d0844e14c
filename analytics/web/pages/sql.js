// SQL over the views: an editor, what there is to ask, parameters, saved queries, a chart of the result.

import { run } from "../data/sql.js";
import { get } from "../lib/api.js";
import { csv, save } from "../lib/download.js";
import { count, duration, pretty } from "../lib/format.js";
import { html, useEffect, useMemo, useRef, useState } from "../lib/h.js";
import { useQuery } from "../lib/query.js";
import { patch } from "../lib/router.js";
import { plottable } from "../lib/plottable.js";
import { stored } from "../lib/stored.js";
import { Chart } from "../ui/chart.js";
import { Icon } from "../ui/icons.js";
import { Field, Head, Panel, Problem, Segments, Skeleton, toast } from "../ui/parts.js";
import { Table } from "../ui/table.js";

const saved = stored("queries");
const EXAMPLES = [
  ["Cost by model and day", "SELECT toStartOfDay(received_at) AS day, model, sum(cost_usd) AS cost\nFROM calls\nWHERE received_at > now() - INTERVAL 30 DAY\nGROUP BY day, model\nORDER BY day"],
  ["Slowest models", "SELECT model, count() AS requests, quantile(0.95)(latency_ms) AS p95_ms\nFROM calls\nGROUP BY model\nHAVING requests > 10\nORDER BY p95_ms DESC"],
  ["Requests an hour", "SELECT toStartOfHour(received_at) AS hour, count() AS requests, countIf(status >= 400) AS failed\nFROM calls\nWHERE received_at > now() - INTERVAL 7 DAY\nGROUP BY hour\nORDER BY hour"],
  ["Cost of a user", "SELECT toStartOfDay(received_at) AS day, sum(cost_usd) AS cost\nFROM calls\nWHERE user_id = {user:String}\nGROUP BY day\nORDER BY day"],
];

export function Sql({ params }) {
  const [text, setText] = useState(params.get("sql") ?? EXAMPLES[0][1]);
  const [values, setValues] = useState({});
  const [state, set] = useState({});
  const editor = useRef(null);
  const names = useMemo(() => [...new Set([...text.matchAll(/\{(\w+)\s*:/g)].map(([, name]) => name))], [text]);
  const execute = async () => {
    patch({ sql: text }, { replace: true });
    set({ busy: true, result: state.result });
    try {
      set({ result: await run(text, Object.fromEntries(names.map((name) => [name, values[name] ?? ""]))) });
    } catch (error) {
      set({ error });
      if (error.position !== null) point(editor.current, error.position);
    }
  };
  useEffect(() => { if (params.has("sql") && !names.length) execute(); }, []);
  const insert = (name) => {
    const { selectionStart: start, selectionEnd: end } = editor.current;
    setText(text.slice(0, start) + name + text.slice(end));
    editor.current.focus();
  };
  const keyed = (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    execute();
  };
  return html`<${Head} title="SQL"><${Queries} text=${text} onChoose=${setText} /><//>
    <div class="sql"><div class="stack">
      <section class="panel" aria-label="Query"><textarea ref=${editor} class="editor" aria-label="SQL" spellcheck="false" value=${text} onInput=${(event) => setText(event.currentTarget.value)} onKeyDown=${keyed}></textarea>
        <div class="body row" style="border-top:1px solid var(--line)">${names.map((name) => html`<${Field} label=${name}><input value=${values[name] ?? ""} onInput=${(event) => setValues({ ...values, [name]: event.currentTarget.value })} /><//>`)}
          <span class="grow soft">Ctrl ↵ runs it</span><button type="button" class="button primary" disabled=${state.busy} onClick=${execute}><${Icon} name="play" />${state.busy ? "Running…" : "Run"}</button></div></section>
      <${Problem} error=${state.error} />
      ${state.busy && !state.result && html`<${Skeleton} />`}
      ${state.result && html`<${Result} result=${state.result} params=${params} />`}</div>
      <${Schema} onChoose=${insert} /></div>`;
}

// The editor's selection goes to the word that an error is about.
function point(editor, position) {
  const word = /\w*/.exec(editor.value.slice(position))[0];
  editor.focus();
  editor.setSelectionRange(position, position + Math.max(1, word.length));
}

function Queries({ text, onChoose }) {
  const [mine, setMine] = useState(saved.read());
  const keep = () => {
    const name = window.prompt("Name of the query");
    if (!name) return;
    setMine(saved.write([{ name, sql: text }, ...mine.filter((one) => one.name !== name)].slice(0, 50)));
    toast("Query saved in this browser");
  };
  const choose = (event) => {
    const found = [...mine.map(({ name, sql }) => [name, sql]), ...EXAMPLES][Number(event.currentTarget.value)];
    event.currentTarget.value = "";
    if (found) onChoose(found[1]);
  };
  return html`<select aria-label="Saved queries and examples" onChange=${choose}><option value="">Queries</option>
      ${mine.length > 0 && html`<optgroup label="Saved">${mine.map(({ name }, index) => html`<option value=${index}>${name}</option>`)}</optgroup>`}
      <optgroup label="Examples">${EXAMPLES.map(([name], index) => html`<option value=${mine.length + index}>${name}</option>`)}</optgroup></select>
    <button type="button" class="button" onClick=${keep}>Save</button>`;
}

function Result({ result, params }) {
  const plot = useMemo(() => plottable(result), [result]);
  const view = plot && params.get("view") === "chart" ? "chart" : "table";
  const columns = result.columns.map(({ name, type }, index) => ({
    id: name, label: name, clip: true, number: /Int|Float|Decimal/.test(type), show: (row) => cell(row[index]), title: (row) => `${cell(row[index])} (${type})`,
  }));
  const note = html`<span class="soft">${count(result.row_count)} rows${result.truncated ? ", cut off" : ""} · ${duration(result.elapsed_ms)}</span>
    ${plot && html`<${Segments} label="Show as" value=${view} options=${[["table", "Table"], ["chart", "Chart"]]} onChange=${(next) => patch({ view: next === "chart" ? "chart" : null }, { replace: true })} />`}
    <button type="button" class="button small" onClick=${() => save("result.csv", csv(result), "text/csv")}><${Icon} name="down" />CSV</button>`;
  return html`<${Panel} title="Result" actions=${note} bare>${view === "chart"
    ? html`<div class="body"><${Chart} title="Result" kind=${plot.kind} times=${plot.times} series=${plot.series} format=${number} height=${320} /></div>`
    : html`<div class="result"><${Table} label="Result" columns=${columns} rows=${result.rows} /></div>`}<//>`;
}

const number = (value) => (value === null || value === undefined ? "–" : Number(value).toLocaleString("en-US", { maximumSignificantDigits: 5 }));
const cell = (value) => (value === null ? "NULL" : typeof value === "object" ? pretty(value).replaceAll(/\s+/g, " ") : String(value));

function Schema({ onChoose }) {
  const query = useQuery("schema", (signal) => get("/sql/schema", {}, signal));
  return html`<${Panel} title="Views"><div class="schema" tabindex="0" role="region" aria-label="Views and their columns"><${Problem} error=${query.error} retry=${query.reload} />
    ${(query.data?.data ?? []).map((view) => html`<details open=${view.name === "calls"}><summary><b class="mono">${view.name}</b></summary>
      <ul>${view.columns.map((column) => html`<li title=${column.comment}><button type="button" onClick=${() => onChoose(column.name)}>${column.name}</button><span>${short(column.type)}</span></li>`)}</ul></details>`)}</div><//>`;
}

const short = (type) => type.replace(/^(LowCardinality|Nullable)\((.*)\)$/, "$2").replace(/DateTime64\(6, 'UTC'\)/, "DateTime64").replace(/LowCardinality\((\w+)\)/g, "$1");
