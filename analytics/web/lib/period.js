// The period that a view is about, kept in the address as `range`, or as `from` and `to`.

import { here } from "./router.js";

const HOUR = 3600;
const DAY = 24 * HOUR;
export const RANGES = [
  { id: "1h", label: "Hour", seconds: HOUR },
  { id: "24h", label: "Day", seconds: DAY },
  { id: "7d", label: "Week", seconds: 7 * DAY },
  { id: "30d", label: "Month", seconds: 30 * DAY },
];
const DEFAULT_RANGE = "24h";

const iso = (seconds) => new Date(seconds * 1000).toISOString().replace(".000Z", "Z");

// A period of days begins at midnight UTC, a day at a whole hour: the first bar of a chart is a whole one.
export function period(params = here().params, now = Date.now()) {
  const from = Date.parse(params.get("from") ?? "") / 1000;
  const to = Date.parse(params.get("to") ?? "") / 1000;
  if (from && to && to > from) return between(from, to, "custom");
  const range = RANGES.find((one) => one.id === params.get("range")) ?? RANGES.find((one) => one.id === DEFAULT_RANGE);
  const step = range.seconds > HOUR ? HOUR : 60;
  const end = Math.ceil((now / 1000 + 1) / step) * step;
  const day = range.seconds > DAY ? DAY : step;
  return between(Math.ceil((end - range.seconds) / day) * day, end, range.id);
}

function between(from, to, id) {
  const seconds = to - from;
  const interval = seconds <= 2 * HOUR ? "minute" : seconds <= 3 * DAY ? "hour" : "day";
  return { id, seconds, interval, from: iso(from), to: iso(to), before: { from: iso(from - seconds), to: iso(from) } };
}
