"use strict";

// All text of calls is set by textContent: a prompt is never read as HTML.

const POLL_MS = 1500;
const PAGE = 50;
const MAX_ROWS = 500;
const $ = (id) => document.getElementById(id);

const state = {
  calls: new Map(), // key -> {call, row, detail}
  cursor: null,
  loadedOlder: false,
  paused: false,
  first: true,
  generation: 0,
};

const integer = new Intl.NumberFormat("en-US");
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 2 });
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

function element(tag, { text, title, className, ...attributes } = {}, ...children) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (title) made.title = title;
  if (className) made.className = className;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function many(number) {
  return number < 1e6 ? integer.format(number) : compact.format(number);
}

function dollars(nanos) {
  const usd = nanos / 1e9;
  if (usd === 0) return "$0";
  if (Math.abs(usd) >= 100) return "$" + usd.toFixed(2);
  if (Math.abs(usd) >= 1) return "$" + usd.toFixed(3);
  const digits = Math.max(2, 1 - Math.floor(Math.log10(Math.abs(usd))));
  return "$" + usd.toFixed(Math.min(9, digits + 1));
}

function duration(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms > 0 && ms < 1) return ms.toFixed(2) + " ms";
  if (ms < 1000) return Math.round(ms) + " ms";
  if (ms < 60000) return (ms / 1000).toFixed(2) + " s";
  return Math.floor(ms / 60000) + " m " + Math.round((ms % 60000) / 1000) + " s";
}

function moment(text) {
  const time = new Date(text);
  const today = new Date().toDateString() === time.toDateString();
  return today ? clock.format(time) : day.format(time) + " " + clock.format(time);
}

function size(bytes) {
  return bytes < 1024 ? bytes + " B" : bytes < 1048576 ? (bytes / 1024).toFixed(1) + " KiB"
    : (bytes / 1048576).toFixed(1) + " MiB";
}

async function fetchJson(path, parameters) {
  const url = path + (parameters && parameters.size ? "?" + parameters : "");
  const answer = await fetch(url, { headers: { Accept: "application/json" }, cache: "no-store" });
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new Error(body?.error?.message ?? `the API answers ${answer.status}`);
  return body;
}

function filters() {
  const parameters = new URLSearchParams();
  for (const input of $("filters").querySelectorAll("input")) {
    const value = input.value.trim();
    if (!value) continue;
    if (input.name === "property") {
      const [name, ...rest] = value.split("=");
      if (rest.length) parameters.append("property." + name.trim(), rest.join("=").trim());
    } else if (input.name === "status") {
      for (const one of value.split(",")) if (one.trim()) parameters.append("status", one.trim());
    } else {
      parameters.append(input.name, value);
    }
  }
  const seconds = Number($("period").value);
  // Cut to the hour beyond a day: sums by whole hours are answered from the rollup.
  if (seconds) {
    const from = Math.floor(Date.now() / 1000) - seconds;
    parameters.set("from", String(seconds > 86400 ? from - (from % 3600) : from));
  }
  return parameters;
}

// --- totals ------------------------------------------------------------------------------------------

function showTotals(total) {
  $("t-calls").textContent = many(total.requests);
  $("t-cost").textContent = dollars(total.cost_nanos);
  $("t-cost").title = total.cost_usd + " USD";
  $("t-input").textContent = many(total.input_tokens);
  $("t-output").textContent = many(total.output_tokens);
  $("t-latency").textContent = duration(total.latency_ms_avg);
  note("t-errors", total.errors, (n) => `${many(n)} failed`, "bad");
  note("t-unpriced", total.unpriced, (n) => `${many(n)} without a known price`, "warn");
  note("t-cached", total.cached_input_tokens, (n) => `${many(n)} from a cache`);
  note("t-reasoning", total.reasoning_tokens, (n) => `${many(n)} reasoning`);
  note("t-slowest", total.latency_ms_max, (ms) => `slowest ${duration(ms)}`);
}

function note(id, value, words, tone = "") {
  $(id).textContent = value ? words(value) : "";
  $(id).className = "note " + tone;
}

// --- calls -------------------------------------------------------------------------------------------

function keyOf(call) {
  return call.request_id + " " + call.received_at;
}

function badge(call) {
  const tone = call.outcome === "ok" || call.outcome === "cache_hit" ? "good"
    : call.status === 429 || call.outcome === "client_cancelled" || call.outcome === "rejected" ? "warn" : "bad";
  const title = call.error_message ? `${call.outcome}: ${call.error_message}` : call.outcome;
  return element("span", { text: String(call.status || "–"), className: "badge " + tone, title });
}

function cell(text, options = {}) {
  return element("td", { text, title: options.title ?? text, className: options.className });
}

function rowOf(call) {
  const number = { className: "number" };
  const cost = call.priced ? dollars(call.cost_nanos) : "unknown";
  const estimated = call.token_source === "estimated" ? "≈" : "";
  const row = element("tr", { className: "call", tabindex: "0", "aria-expanded": "false" },
    cell(moment(call.received_at), { title: call.received_at }),
    element("td", {}, badge(call)),
    cell(call.model || call.model_requested || "–"),
    cell(call.provider || "–"),
    cell(call.user_id || "–"),
    cell(estimated + integer.format(call.input_tokens), number),
    cell(estimated + integer.format(call.output_tokens), number),
    cell(cost, { className: call.priced ? "number" : "number soft", title: call.cost_usd ? call.cost_usd + " USD" : "no price is known" }),
    cell(duration(call.ttft_ms), { className: "number soft" }),
    cell(duration(call.latency_ms), number),
  );
  const toggle = () => toggleDetail(keyOf(call));
  row.addEventListener("click", toggle);
  row.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(); }
  });
  return row;
}

function addCalls(calls, atTop) {
  const body = $("rows");
  const ordered = atTop ? [...calls].reverse() : calls;
  for (const call of ordered) {
    const key = keyOf(call);
    if (state.calls.has(key)) continue;
    const row = rowOf(call);
    if (atTop && !state.first) row.classList.add("fresh");
    state.calls.set(key, { call, row, detail: null });
    place(body, row, call.received_at);
  }
}

// A call that ends late may have arrived before others that are shown already.
function place(body, row, receivedAt) {
  row.dataset.at = receivedAt;
  for (const other of body.children) {
    if (other.dataset.at !== undefined && other.dataset.at <= receivedAt) {
      body.insertBefore(row, other);
      return;
    }
  }
  body.append(row);
}

function trim() {
  if (state.loadedOlder || state.calls.size <= MAX_ROWS) return;
  const ordered = [...state.calls.entries()].sort((a, b) => (a[1].call.received_at < b[1].call.received_at ? 1 : -1));
  for (const [key, entry] of ordered.slice(MAX_ROWS)) {
    entry.row.remove();
    entry.detail?.remove();
    state.calls.delete(key);
  }
}

async function toggleDetail(key) {
  const entry = state.calls.get(key);
  if (entry.detail) {
    entry.detail.remove();
    entry.detail = null;
    entry.row.setAttribute("aria-expanded", "false");
    return;
  }
  const content = element("td", { colspan: "10" }, element("p", { text: "loading…", className: "soft" }));
  entry.detail = element("tr", { className: "detail" }, content);
  entry.row.after(entry.detail);
  entry.row.setAttribute("aria-expanded", "true");
  try {
    const call = await fetchJson("/api/v1/requests/" + encodeURIComponent(entry.call.request_id));
    content.replaceChildren(...detailOf(call));
  } catch (error) {
    content.replaceChildren(element("p", { text: String(error.message), className: "problem" }));
  }
}

function detailOf(call) {
  const facts = element("dl", { className: "facts" });
  const fact = (name, value) => {
    if (value === "" || value === null || value === undefined) return;
    facts.append(element("div", {}, element("dt", { text: name }), element("dd", { text: String(value) })));
  };
  fact("Request id", call.request_id);
  fact("Arrived", call.received_at);
  fact("Call", `${call.method} ${call.path}${call.stream ? " (stream)" : ""}`);
  fact("Outcome", call.outcome);
  fact("Error", [call.error_code, call.error_message].filter(Boolean).join(": "));
  fact("Model asked for", call.model_requested);
  fact("Cost", call.cost_usd === null ? "no price is known" : call.cost_usd + " USD");
  fact("Price", call.price_ref);
  fact("Tokens", `${integer.format(call.input_tokens)} in, ${integer.format(call.output_tokens)} out (${call.token_source})`);
  if (call.cached_input_tokens) fact("Read from the provider's cache", integer.format(call.cached_input_tokens));
  if (call.cache_write_tokens) fact("Written to the provider's cache", integer.format(call.cache_write_tokens));
  if (call.reasoning_tokens) fact("Reasoning", integer.format(call.reasoning_tokens));
  fact("Session", [call.session_name, call.session_id, call.session_path].filter(Boolean).join(" · "));
  fact("Key", call.key_id);
  for (const [name, value] of Object.entries(call.properties)) fact("Property " + name, value);
  for (const [name, value] of Object.entries(call.rate_limit)) fact(name, value);
  const parts = [facts];
  if (call.attempts.length > 1 || call.attempts.some((attempt) => attempt.error)) parts.push(triesOf(call.attempts));
  parts.push(element("div", { className: "bodies" },
    bodyOf("Prompt", call.prompt, call.prompt_bytes, call.prompt_truncated),
    bodyOf("Response", call.response, call.response_bytes, call.response_truncated)));
  return parts;
}

function triesOf(attempts) {
  const table = element("table", { className: "tries" });
  table.append(element("tr", {}, ...["Try", "Provider", "Model", "Status", "Error", "Latency", "Wait before"].map(
    (text) => element("th", { text }))));
  attempts.forEach((attempt, index) => table.append(element("tr", {}, ...[
    String(index + 1), attempt.provider, attempt.model, String(attempt.status || "–"), attempt.error || "–",
    duration(attempt.latency_ms), duration(attempt.delay_ms),
  ].map((text) => element("td", { text })))));
  return element("div", {}, element("h3", { text: "Tries" }), table);
}

function bodyOf(name, text, bytes, truncated) {
  const note = size(bytes) + (truncated ? ", only the beginning is stored" : "");
  const title = element("h3", { text: name + " " }, element("span", { text: note, className: "soft" }));
  const shown = text ? pretty(text) : bytes ? "(not stored, or removed after 90 days)" : "(empty)";
  return element("div", {}, title, element("pre", { text: shown }));
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

// --- polling -----------------------------------------------------------------------------------------

async function refresh() {
  const generation = state.generation;
  const parameters = filters();
  const listed = new URLSearchParams(parameters);
  listed.set("limit", String(PAGE));
  const [page, usage] = await Promise.all([
    fetchJson("/api/v1/requests", listed), fetchJson("/api/v1/usage", parameters)]);
  if (generation !== state.generation) return;
  showTotals(usage.total);
  const gap = !state.first && state.calls.size > 0 && page.requests.length === PAGE
    && page.requests.every((call) => !state.calls.has(keyOf(call)));
  if (gap) clearRows();
  addCalls(page.requests, true);
  trim();
  if (state.first || gap) state.cursor = page.next_cursor;
  state.first = false;
  await showSections();
}

async function showSections() {
  const some = state.calls.size > 0;
  $("calls").hidden = !some;
  $("older").hidden = !state.cursor;
  let ever = some;
  if (!some) ever = (await fetchJson("/api/v1/requests", new URLSearchParams({ limit: "1" }))).requests.length > 0;
  $("nothing").hidden = some || !ever;
  $("empty").hidden = some || ever;
}

function clearRows() {
  state.calls.clear();
  state.cursor = null;
  state.loadedOlder = false;
  $("rows").replaceChildren();
}

function restart() {
  state.generation += 1;
  state.first = true;
  clearRows();
  tick();
}

let timer = 0;

async function tick() {
  clearTimeout(timer);
  if (state.paused || document.hidden) return;
  try {
    await refresh();
    told("live", "live");
    $("problem").hidden = true;
  } catch (error) {
    told("broken", "not connected");
    $("problem").textContent = error.message === "Failed to fetch" ? "The API does not answer. Is it running?" : error.message;
    $("problem").hidden = false;
  }
  clearTimeout(timer);
  timer = setTimeout(tick, POLL_MS);
}

function told(className, text) {
  $("state").className = "state " + className;
  if ($("state").textContent !== text) $("state").textContent = text;
}

async function older() {
  const parameters = filters();
  parameters.set("limit", String(PAGE));
  parameters.set("cursor", state.cursor);
  try {
    const page = await fetchJson("/api/v1/requests", parameters);
    state.loadedOlder = true;
    addCalls(page.requests, false);
    state.cursor = page.next_cursor;
    $("older").hidden = !state.cursor;
  } catch (error) {
    $("problem").textContent = error.message;
    $("problem").hidden = false;
  }
}

async function start() {
  $("period").addEventListener("change", restart);
  $("filters").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(restart, 350); });
  $("filters").addEventListener("submit", (event) => { event.preventDefault(); restart(); });
  $("filters").addEventListener("reset", () => setTimeout(restart));
  $("older").addEventListener("click", older);
  $("pause").addEventListener("click", () => {
    state.paused = !state.paused;
    $("pause").textContent = state.paused ? "Resume" : "Pause";
    $("pause").setAttribute("aria-pressed", String(state.paused));
    if (state.paused) told("", "paused"); else tick();
  });
  document.addEventListener("visibilitychange", tick);
  tick();
  const info = await fetchJson("/api/v1/info");
  $("curl").textContent = [
    `curl ${info.gateway_url}/v1/chat/completions \\`,
    "  -H 'Content-Type: application/json' \\",
    "  -H \"Authorization: Bearer $OPENAI_API_KEY\" \\",
    "  -d '{\"model\": \"gpt-4o-mini\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}'",
  ].join("\n");
}

start();
