// A result as a chart: a column of times, numbers to draw, and perhaps a text that tells series apart. Pure.

const MOST_SERIES = 7;
const isNumber = (type) => /^(Nullable\()?(U?Int|Float|Decimal)/.test(type);
const isTime = (type) => /^(Nullable\()?Date/.test(type);

// {times, series, kind}, or null if there is no time or no number in it.
export function plottable({ columns, rows }) {
  const time = columns.findIndex(({ type }) => isTime(type));
  const numbers = columns.map((_, index) => index).filter((index) => index !== time && isNumber(columns[index].type));
  const name = columns.findIndex(({ type }) => /String/.test(type) && !/Array|Map/.test(type));
  if (time < 0 || !numbers.length || !rows.length) return null;
  const stamps = rows.map((row) => Date.parse(/^\d+-\d+-\d+$/.test(row[time]) ? `${row[time]}T00:00:00Z` : row[time]) / 1000);
  const times = [...new Set(stamps)].filter(Boolean).sort((a, b) => a - b);
  const place = new Map(times.map((at, index) => [at, index]));
  const series = new Map();
  rows.forEach((row, index) => {
    for (const column of name < 0 ? numbers : numbers.slice(0, 1)) {
      const label = name < 0 ? columns[column].name : String(row[name]) || "(empty)";
      if (!series.has(label)) series.set(label, times.map(() => null));
      if (place.has(stamps[index])) series.get(label)[place.get(stamps[index])] = row[column] === null ? null : Number(row[column]);
    }
  });
  const made = [...series].map(([label, values]) => ({ label, values, total: values.reduce((sum, value) => sum + (value ?? 0), 0) }));
  const kept = made.sort((a, b) => b.total - a.total).slice(0, MOST_SERIES);
  return { times, series: kept, kind: name >= 0 ? "bars" : "line" };
}
