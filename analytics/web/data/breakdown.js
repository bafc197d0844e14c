// Calls by model, user, property, workflow and session: a list, and what the most expensive cost over time.

import { atOf, byName, MOST_SERIES, timesOf } from "./series.js";
import { rows, WITHIN, within } from "./sql.js";

const MOST = 500;
const FAILED = "outcome NOT IN ('ok', 'cache_hit')";
export const MEASURES = `count() AS requests, countIf(${FAILED}) AS errors, countIf(NOT priced) AS unpriced,
  ifNull(sum(cost_nanos), 0) AS cost, sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens`;
const SPEED = "quantilesTDigest(0.5, 0.95)(latency_ms) AS latency";
const BY_COST = "ORDER BY cost DESC, requests DESC";

const nameless = (name) => name || "(none)";
const spendOf = (found) => (found.cost === null ? 0 : Number(found.cost));

// What the values of an expression cost, and how often they were called, over time: the first few by name.
// `sql` is one of this file's own.
async function overTime(sql, names, span, signal, { condition = "1", values = {} } = {}) {
  const shown = names.slice(0, MOST_SERIES);
  const found = await rows(`SELECT ${atOf(span)} AS at, (${sql} IN {names:Array(String)}) AS named, if(named, toString(${sql}), '') AS name,
    ifNull(sum(cost_nanos), 0) AS cost, count() AS requests
    FROM calls WHERE ${WITHIN} AND ${condition} GROUP BY at, named, name ORDER BY at`, within(span, { names: shown, ...values }), signal);
  const times = timesOf(span);
  return {
    times, spend: byName(shown, times, found, spendOf, nameless), requests: byName(shown, times, found, ({ requests }) => requests, nameless),
  };
}

const distinct = (found, field) => [...new Set(found.map((one) => one[field]))];

// Models, whoever serves them.
export async function byModel(span, most, signal, filter = {}) {
  const { condition = "1", values = {} } = filter;
  const list = await rows(`SELECT model, ${MEASURES}, ${SPEED} FROM calls WHERE ${WITHIN} AND ${condition}
    GROUP BY model ${BY_COST}, model LIMIT ${most}`, within(span, values), signal);
  return { list, ...(await overTime("model", distinct(list, "model"), span, signal, filter)) };
}

export async function models(span, signal) {
  const list = await rows(`SELECT model, provider, ${MEASURES}, ${SPEED}, quantilesTDigest(0.5, 0.95)(ttft_ms) AS ttft,
    sumIf(calls.output_tokens, outcome = 'ok') * 1000 / sumIf(latency_ms, outcome = 'ok') AS speed
    FROM calls WHERE ${WITHIN} GROUP BY model, provider ${BY_COST}, model, provider LIMIT ${MOST}`, within(span), signal);
  return { list, ...(await overTime("model", distinct(list, "model"), span, signal)) };
}

export function errors(span, signal) {
  return rows(`SELECT provider, status, error_code, count() AS requests, max(received_at) AS last_seen,
    argMax(error_message, received_at) AS example FROM calls WHERE ${WITHIN} AND ${FAILED}
    GROUP BY provider, status, error_code ORDER BY requests DESC, last_seen DESC LIMIT 100`, within(span), signal);
}

export async function users(span, search, signal) {
  const list = await rows(`SELECT user_id, ${MEASURES}, ${SPEED}, topK(3)(model) AS models, max(received_at) AS last_seen
    FROM calls WHERE ${WITHIN} AND positionCaseInsensitiveUTF8(user_id, {search:String}) > 0
    GROUP BY user_id ${BY_COST}, user_id LIMIT ${MOST}`, within(span, { search }), signal);
  // Since when is asked of all time, not of the period.
  const firsts = await rows(`SELECT user_id, min(received_at) AS first_seen FROM calls
    WHERE user_id IN {ids:Array(String)} GROUP BY user_id`, { ids: distinct(list, "user_id") }, signal);
  const first = new Map(firsts.map((one) => [one.user_id, one.first_seen]));
  return list.map((one) => ({ ...one, first_seen: first.get(one.user_id) }));
}

export async function user(span, id, signal) {
  const { list, times, spend } = await byModel(span, MOST, signal, { condition: "user_id = {user:String}", values: { user: id } });
  return { byModel: list, times, spend };
}

// Names of properties as they were sent, the most used first.
export function properties(span, signal) {
  return rows(`SELECT any(sent.1) AS name, uniq(sent.2) AS values, count() AS requests
    FROM (SELECT arrayJoin(arrayZip(property_names, mapValues(properties))) AS sent FROM calls WHERE ${WITHIN})
    GROUP BY lower(sent.1) ORDER BY requests DESC, values DESC, name LIMIT 200`, within(span), signal);
}

export async function property(span, name, signal) {
  const value = "properties[{property:String}]";
  const filter = { condition: "mapContains(properties, {property:String})", values: { property: name.toLowerCase() } };
  const list = await rows(`SELECT ${value} AS value, ${MEASURES}, ${SPEED}, uniqIf(user_id, user_id != '') AS users
    FROM calls WHERE ${WITHIN} AND ${filter.condition} GROUP BY value ${BY_COST}, value LIMIT ${MOST}`, within(span, filter.values), signal);
  const { times, spend } = await overTime(value, distinct(list, "value"), span, signal, filter);
  return { list, times, spend };
}

// A run of a workflow is a session.
export function workflows(span, signal) {
  return rows(`SELECT properties['workflow'] AS workflow, properties['step'] AS step, ${MEASURES}, ${SPEED},
    input_tokens + output_tokens AS tokens, uniqIf(session_id, session_id != '') AS runs
    FROM calls WHERE ${WITHIN} AND mapContains(properties, 'workflow')
    GROUP BY workflow, step ${BY_COST}, workflow, step LIMIT ${MOST}`, within(span), signal);
}

export function sessions(span, search, signal) {
  return rows(`SELECT session_id, argMaxIf(session_name, received_at, session_name != '') AS name,
    argMaxIf(user_id, received_at, user_id != '') AS user, min(received_at) AS started, max(ended_at) AS ended,
    uniq(session_path) AS steps, ${MEASURES}, input_tokens + output_tokens AS tokens
    FROM calls WHERE ${WITHIN} AND session_id != ''
      AND (positionCaseInsensitiveUTF8(session_id, {search:String}) > 0 OR positionCaseInsensitiveUTF8(session_name, {search:String}) > 0)
    GROUP BY session_id ORDER BY started DESC, session_id LIMIT ${MOST}`, within(span, { search }), signal);
}

// All calls of a session, the first first.
export function session(id, signal) {
  return rows(`SELECT request_id, received_at, ended_at, session_name, session_path, user_id, model, status, outcome, priced, cost_nanos,
    input_tokens, output_tokens, latency_ms FROM calls WHERE session_id = {session:String} ORDER BY received_at, request_id`, { session: id }, signal);
}
