// What the overview asks: a period and the one before in one question, and its charts.

import { byModel, MEASURES } from "./breakdown.js";
import { atOf, over, summed, timesOf } from "./series.js";
import { row, rows, WITHIN, within } from "./sql.js";

const TOP = 8;
const NUMBERS = `${MEASURES}, countIf(cache = 'hit') AS cache_hits, sum(cache_saved_nanos) AS saved,
  quantilesTDigest(0.5, 0.95, 0.99)(latency_ms) AS latency, quantilesTDigest(0.5, 0.95)(ttft_ms) AS ttft`;

export async function anyCall(signal) {
  return (await row("SELECT 1 AS found FROM calls LIMIT 1", {}, signal)) !== null;
}

// `now` is null if there is no call in the period, `before` if there was none in the one before.
export async function overview(span, signal) {
  const [sums, overTime, models, users] = await Promise.all([
    bothPeriods(span, signal), charts(span, signal), byModel(span, TOP, signal), topUsers(span, signal),
  ]);
  const period = (current) => sums.find((one) => one.current === current) ?? null;
  return { now: period(1), before: period(0), ...overTime, models: models.list, users, times: models.times, spend: models.spend };
}

function bothPeriods({ from, to, before }, signal) {
  return rows(`SELECT toUInt8(received_at >= {middle:DateTime64(6, 'UTC')}) AS current, ${NUMBERS} FROM calls
    WHERE ${WITHIN} GROUP BY current`, { from: before.from, to, middle: from }, signal);
}

async function charts(span, signal) {
  const found = await rows(`SELECT ${atOf(span)} AS at, count() AS requests, countIf(outcome NOT IN ('ok', 'cache_hit')) AS errors,
    sum(input_tokens) AS asked, sum(output_tokens) AS answered, quantilesTDigest(0.5, 0.95, 0.99)(latency_ms) AS latency
    FROM calls WHERE ${WITHIN} GROUP BY at ORDER BY at`, within(span), signal);
  const times = timesOf(span);
  const sum = (label, name) => summed(label, times, found, (one) => one[name]);
  const quantile = (label, index) => ({ label, values: over(times, found, (one) => one.latency[index], null) });
  return {
    requests: [sum("Requests", "requests"), sum("Errors", "errors")], tokens: [sum("Input", "asked"), sum("Output", "answered")],
    latency: [quantile("p50", 0), quantile("p95", 1), quantile("p99", 2)],
  };
}

function topUsers(span, signal) {
  return rows(`SELECT user_id, ${MEASURES} FROM calls WHERE ${WITHIN}
    GROUP BY user_id ORDER BY cost DESC, requests DESC, user_id LIMIT ${TOP}`, within(span), signal);
}
