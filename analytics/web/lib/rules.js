// Rules between the API and people: their metrics, windows and groups in words, and the form's values.

import { compact, duration, nanos, percent } from "./format.js";

const METRICS = [
  ["cost", "Spend"], ["requests", "Requests"], ["errors", "Errors"], ["error_rate", "Error rate"],
  ["total_tokens", "Tokens"], ["input_tokens", "Input tokens"], ["output_tokens", "Output tokens"],
  ["cached_input_tokens", "Cached input tokens"], ["cache_write_tokens", "Cache write tokens"], ["reasoning_tokens", "Reasoning tokens"],
  ["latency_p50", "Latency, median"], ["latency_p95", "Latency, p95"], ["latency_p99", "Latency, p99"],
  ["ttft_p50", "First byte, median"], ["ttft_p95", "First byte, p95"], ["ttft_p99", "First byte, p99"],
  ["rate_limit_hits", "Rate-limit hits"], ["cache_hit_rate", "Cache hit rate"],
];
const WINDOWS = [
  ["hour", "an hour of the clock"], ["day", "a day"], ["week", "a week"], ["month", "a month"],
  ["5m", "the last 5 minutes"], ["15m", "the last 15 minutes"], ["1h", "the last hour"], ["6h", "the last 6 hours"],
  ["1d", "the last 24 hours"], ["7d", "the last 7 days"], ["30d", "the last 30 days"],
];
const GROUPS = [["", "all calls together"], ["user", "each user"], ["key", "each gateway key"], ["model", "each model"], ["provider", "each provider"], ["property", "each value of a property"]];
const KINDS = [["threshold", "reaches the limit"], ["projected", "is on the way to the limit"], ["anomaly", "is unlike past weeks"]];
const ACTIONS = [["notify", "Only tell"], ["warn", "Tell, and mark the answers"], ["block", "Tell, and refuse further calls"]];
const UNITS = {
  usd: { hint: "dollars", scale: 1e9, of: (metric) => metric === "cost" },
  ms: { hint: "milliseconds", scale: 1000, of: (metric) => /^(latency|ttft)_/.test(metric) },
  percent: { hint: "percent", scale: 10_000, of: (metric) => /_rate$/.test(metric) },
};
const SPANS = [[86_400, "d"], [3600, "h"], [60, "m"], [1, "s"]];
const DAY_S = 86_400;
const PERIODS = new Set(["hour", "day", "week", "month"]);
const PROPERTY = "property.";

export const CHOICES = { metric: METRICS, window: WINDOWS, group: GROUPS, kind: KINDS, action: ACTIONS };

const named = (list, id) => list.find(([known]) => known === id)?.[1];
export const metricName = (metric) => named(METRICS, metric) ?? metric;
export const addsUp = (metric) => !UNITS.ms.of(metric) && !UNITS.percent.of(metric);
const unitOf = (metric) => Object.keys(UNITS).find((name) => UNITS[name].of(metric));
export const unitHint = (metric) => UNITS[unitOf(metric)]?.hint ?? (metric.includes("token") ? "tokens" : "calls");

// A value of a metric, which the API has in nano-dollars, microseconds or parts per million.
export function amount(metric, value) {
  if (value === null || value === undefined) return "–";
  const format = { usd: nanos, ms: (us) => duration(us / 1000), percent: (ppm) => percent(ppm / 1e6) }[unitOf(metric)];
  return format ? format(value) : compact(value);
}

function windowText(window) {
  if (window.kind === "calendar") return window.period;
  const [size, unit] = SPANS.find(([seconds]) => window.seconds % seconds === 0);
  return `${window.seconds / size}${unit}`;
}

export function windowWords(window) {
  const text = windowText(window);
  return named(WINDOWS, text) ?? `the last ${text}`;
}

export function groupWords(groupBy) {
  return groupBy.startsWith(PROPERTY) ? groupBy.slice(PROPERTY.length) : groupBy;
}

// When a rule fires, as one line.
export function conditionWords(rule) {
  const by = rule.group_by ? `, for each ${groupWords(rule.group_by)}` : "";
  const when = windowWords(rule.window);
  const what = metricName(rule.metric);
  if (rule.kind === "anomaly") return `${what} in ${when} ${rule.factor_percent / 100} times that of the past ${rule.weeks} weeks${by}`;
  const limit = amount(rule.metric, rule.limit);
  const verb = rule.kind === "projected" ? "on the way to" : rule.direction === "below" ? "below" : "from";
  return `${what} ${verb} ${limit}${rule.kind !== "projected" && rule.direction !== "below" ? " on" : ""} in ${when}${by}`;
}

export const PRESETS = [
  { label: "Daily spend exceeds $50", values: { name: "Daily spend exceeds $50", metric: "cost", limit: "50", window: "day" } },
  { label: "Monthly budget", values: { name: "Monthly budget", metric: "cost", limit: "1000", window: "month", thresholds: "50, 80, 100" } },
  { label: "Budget of each user", values: { name: "Daily budget of each user", metric: "cost", limit: "5", window: "day", group: "user", action: "block" } },
  { label: "Month will overrun", values: { name: "Month will overrun", metric: "cost", limit: "1000", window: "month", kind: "projected" } },
  { label: "Many errors", values: { name: "Many errors", metric: "error_rate", limit: "5", window: "15m", min_requests: "20" } },
  { label: "Slow answers", values: { name: "Slow answers", metric: "latency_p95", limit: "10000", window: "15m", min_requests: "20", group: "model" } },
];

const BLANK = {
  name: "", project: "", metric: "cost", kind: "threshold", limit: "", window: "day", group: "", property: "", thresholds: "100", direction: "above",
  min_requests: "0", factor: "3", weeks: "4", min_value: "", action: "notify", reserve: false, notify_resolved: true, channels: [], filter: null,
};

export const draftOf = (values) => ({ ...BLANK, ...values });

// The form's values of a rule.
export function draftOfRule(rule) {
  const plain = (value) => (value ? String(value / (UNITS[unitOf(rule.metric)]?.scale ?? 1)) : "");
  const property = rule.group_by.startsWith(PROPERTY);
  return {
    name: rule.name, project: rule.project, metric: rule.metric, kind: rule.kind, limit: plain(rule.limit), window: windowText(rule.window),
    group: property ? "property" : rule.group_by, property: property ? groupWords(rule.group_by) : "",
    thresholds: rule.thresholds_percent.join(", "), direction: rule.direction, min_requests: String(rule.min_requests),
    factor: String(rule.factor_percent / 100), weeks: String(rule.weeks), min_value: plain(rule.min_value),
    action: rule.action, reserve: rule.reserve, notify_resolved: rule.notify_resolved, channels: rule.channels, filter: rule.filter,
  };
}

// What the API is sent for the form's values.
export function body(draft) {
  const unit = unitOf(draft.metric);
  const under = (name) => (unit ? `${name}_${unit}` : name);
  const number = (text) => (unit ? text.trim() : Number(text));
  const sent = {
    name: draft.name, metric: draft.metric, kind: draft.kind, window: draft.kind === "anomaly" ? "hour" : draft.window,
    group_by: draft.group === "property" ? PROPERTY + draft.property.trim() : draft.group, filter: draft.filter,
    min_requests: Number(draft.min_requests), action: draft.action, notify_resolved: draft.notify_resolved, channels: draft.channels,
    reserve: draft.reserve && draft.action === "block" && draft.metric === "cost",
  };
  if (draft.kind === "anomaly") {
    const floor = draft.min_value ? { [under("min_value")]: number(draft.min_value) } : { min_value: 0 };
    return { ...sent, limit: 0, factor: draft.factor, weeks: Number(draft.weeks), direction: "above", thresholds_percent: [100], ...floor };
  }
  const percents = draft.thresholds.split(",").map((one) => one.trim()).filter(Boolean).map(Number);
  return {
    ...sent, [under("limit")]: number(draft.limit), direction: draft.kind === "projected" ? "above" : draft.direction,
    thresholds_percent: draft.direction === "below" && draft.kind === "threshold" ? [100] : percents,
  };
}

// Of one body, what another differs in: a rule keeps its counts unless what is counted changes.
export function changesOf(before, after) {
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(before[name])));
}

export const canBlock = (draft) => addsUp(draft.metric) && PERIODS.has(draft.window) && draft.kind === "threshold" && draft.direction === "above";
export const mutedUntil = (rule) => (rule.muted_until_us && rule.muted_until_us / 1000 > Date.now() ? new Date(rule.muted_until_us / 1000) : null);
export const inDays = (days) => new Date(Date.now() + days * DAY_S * 1000).toISOString();
