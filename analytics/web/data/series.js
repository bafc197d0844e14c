// Answers over time as the charts take them: a grid of times, and a value of each series for each of them. Pure.

export const MOST_SERIES = 6;
const STEPS = { minute: 60, hour: 3600, day: 86_400 };
const STARTS = { minute: "toStartOfMinute", hour: "toStartOfHour", day: "toStartOfDay" };

// The place in time of a row of the view, in seconds.
export const atOf = ({ interval }) => `toUnixTimestamp(${STARTS[interval]}(received_at))`;

export function timesOf({ from, to, interval }) {
  const step = STEPS[interval];
  const times = [];
  for (let at = Math.floor(Date.parse(from) / 1000 / step) * step; at < Date.parse(to) / 1000; at += step) times.push(at);
  return times;
}

// One series of rows that have `at`: `value(row)`, and `nothing` where there is no row.
export function over(times, found, value, nothing = 0) {
  const known = new Map(found.map((row) => [row.at, value(row)]));
  return times.map((at) => known.get(at) ?? nothing);
}

export function summed(label, times, found, value) {
  const values = over(times, found, value);
  return { label, values, total: values.reduce((sum, one) => sum + one, 0) };
}

// A series for each of `names`, and one of all others if there is any. Rows have `at`, `named` and `name`.
export function byName(names, times, found, value, label = (name) => name) {
  const made = names.map((name) => summed(label(name), times, found.filter((row) => row.named && row.name === name), value));
  const rest = found.filter((row) => !row.named);
  return rest.length ? [...made, summed("other", times, rest, value)] : made;
}
