// The list of requests, its sums, and one request with its bodies.

import { get, post } from "../lib/api.js";
import { where } from "./conditions.js";
import { row, rows, WITHIN, within } from "./sql.js";

const COLUMNS = `request_id, received_at, status, outcome, error_code, error_message, cache, model, model_requested, provider, user_id,
  input_tokens, output_tokens, token_source, priced, cost_usd, ttft_ms, latency_ms, properties`;

// What a list may be ordered by: its columns' names, and what stands for them in SQL.
export const SORTS = new Map([
  ["received_at", "received_at"], ["input_tokens", "input_tokens"], ["output_tokens", "output_tokens"], ["cost_usd", "cost_nanos"],
  ["ttft_ms", "ttft_us"], ["latency_ms", "latency_us"],
]);

function asSql({ span, conditions, any }) {
  const { sql, values } = where(conditions, any);
  return { filter: `${WITHIN} AND ${sql}`, values: within(span, values) };
}

// {calls, more}: whether there are more than `limit`.
export async function list(asked, signal) {
  const { filter, values } = asSql(asked);
  const order = `${SORTS.get(asked.sort.by)} ${asked.sort.down ? "DESC" : "ASC"} NULLS LAST`;
  const calls = await rows(`SELECT ${COLUMNS} FROM calls WHERE ${filter}
    ORDER BY ${order}, received_at DESC, request_id DESC LIMIT ${Number(asked.limit) + 1}`, values, signal);
  return { calls: calls.slice(0, asked.limit), more: calls.length > asked.limit };
}

export async function matching(asked, signal) {
  const { filter, values } = asSql(asked);
  return row(`SELECT count() AS requests, sum(cost_nanos) AS cost FROM calls WHERE ${filter}`, values, signal);
}

// Names as they were sent, the most used first.
export async function propertyNames(span, signal) {
  const found = await rows(`SELECT any(sent) AS name FROM (SELECT arrayJoin(property_names) AS sent FROM calls WHERE ${WITHIN})
    GROUP BY lower(sent) ORDER BY count() DESC, name LIMIT 200`, within(span), signal);
  return found.map(({ name }) => name);
}

const path = (id) => `/requests/${encodeURIComponent(id)}`;
export const detail = (id, signal) => get(path(id), {}, signal);
export const replay = (id, key) => post(`${path(id)}/replay`, { key });
