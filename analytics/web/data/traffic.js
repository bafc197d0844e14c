// What the cache answered, and what rate limits held back.

import { atOf, byName, MOST_SERIES, over, summed, timesOf } from "./series.js";
import { row, rows, WITHIN, within } from "./sql.js";

const HIT = "cache = 'hit'";
const LATEST_HITS = 5000;
const LONGEST_QUESTION = 100_000;

export async function cache(span, signal) {
  const asked = `${WITHIN} AND cache IN ('hit', 'miss')`;
  const sums = `countIf(${HIT}) AS hits, countIf(cache = 'miss') AS misses, sum(cache_saved_nanos) AS saved`;
  const [total, found, models, top] = await Promise.all([
    row(`SELECT ${sums}, avgIf(latency_ms, ${HIT}) AS hit_ms, avgIf(latency_ms, cache = 'miss') AS missed_ms
      FROM calls WHERE ${asked}`, within(span), signal),
    rows(`SELECT ${atOf(span)} AS at, ${sums} FROM calls WHERE ${asked} GROUP BY at ORDER BY at`, within(span), signal),
    rows(`SELECT model, ${sums} FROM calls WHERE ${asked} GROUP BY model ORDER BY hits DESC, misses DESC, model LIMIT 50`, within(span), signal),
    mostAnswered(span, signal),
  ]);
  const times = timesOf(span);
  const asks = [summed("Misses", times, found, ({ misses }) => misses), summed("Hits", times, found, ({ hits }) => hits)];
  return { total, times, asked: asks, models, top };
}

// Of the latest hits only: to find the same question, bodies are read, and they are most of what is stored.
async function mostAnswered(span, signal) {
  const { oldest, hits } = await row(`SELECT min(received_at) AS oldest, count() AS hits FROM
    (SELECT received_at FROM calls WHERE ${WITHIN} AND ${HIT} ORDER BY received_at DESC LIMIT ${LATEST_HITS})`, within(span), signal);
  if (!hits) return [];
  return rows(`SELECT model, toString(cityHash64(model, prompt)) AS entry, count() AS hits, sum(cache_saved_nanos) AS saved,
    max(received_at) AS last_seen, argMax(request_id, received_at) AS request_id, any(leftUTF8(prompt, ${LONGEST_QUESTION})) AS question
    FROM calls WHERE ${WITHIN} AND ${HIT} GROUP BY model, entry ORDER BY hits DESC, saved DESC, entry LIMIT 20`,
    { from: oldest, to: span.to }, signal);
}

// A number that a provider told in one of these headers.
const told = (...names) => `coalesce(${names.map((name) => `toFloat64OrNull(rate_limit['${name}'])`).join(", ")})`;
const left = (what) => told(`x-ratelimit-remaining-${what}`, `anthropic-ratelimit-${what}-remaining`);
const limit = (what) => told(`x-ratelimit-limit-${what}`, `anthropic-ratelimit-${what}-limit`);
const lowest = (what) => `min(${left(what)} / nullIf(${limit(what)}, 0)) AS ${what}_left`;
const latest = (sql, name) => `argMax(${sql}, received_at) AS ${name}`;

export async function limits(span, signal) {
  const [lows, throttled, providers, events] = await Promise.all([
    rows(`SELECT provider, ${atOf(span)} AS at, ${lowest("requests")}, ${lowest("tokens")} FROM calls
      WHERE ${WITHIN} AND notEmpty(rate_limit) GROUP BY provider, at ORDER BY provider, at`, within(span), signal),
    rows(`SELECT provider AS name, 1 AS named, ${atOf(span)} AS at, count() AS tries FROM attempts
      WHERE ${WITHIN} AND status = 429 GROUP BY name, at ORDER BY at`, within(span), signal),
    rows(`SELECT provider, key_id, ${latest(left("requests"), "requests_left")}, ${latest(limit("requests"), "requests_limit")},
      ${latest(left("tokens"), "tokens_left")}, ${latest(limit("tokens"), "tokens_limit")}, max(received_at) AS last_seen FROM calls
      WHERE ${WITHIN} AND notEmpty(rate_limit) GROUP BY provider, key_id
      HAVING isNotNull(requests_left) OR isNotNull(tokens_left) ORDER BY provider, key_id LIMIT 200`, within(span), signal),
    rows(`SELECT provider, model, user_id, key_id, error_code, count() AS events, max(received_at) AS last_seen FROM calls
      WHERE ${WITHIN} AND status = 429 GROUP BY provider, model, user_id, key_id, error_code
      ORDER BY events DESC, last_seen DESC LIMIT 200`, within(span), signal),
  ]);
  const times = timesOf(span);
  return { times, capacity: capacity(times, lows), throttled: throttledBy(times, throttled), providers, events };
}

// The scarcer of requests and tokens.
function capacity(times, found) {
  const share = (one) => {
    const known = [one.requests_left, one.tokens_left].filter((value) => value !== null);
    return known.length ? Math.min(...known) : null;
  };
  const names = [...new Set(found.filter((one) => share(one) !== null).map((one) => one.provider))].slice(0, MOST_SERIES);
  return names.map((name) => ({ label: name, values: over(times, found.filter((one) => one.provider === name), share, null) }));
}

function throttledBy(times, found) {
  const names = [...new Set(found.map((one) => one.name))];
  return byName(names, times, found, ({ tries }) => tries).sort((a, b) => b.total - a.total).slice(0, MOST_SERIES);
}
