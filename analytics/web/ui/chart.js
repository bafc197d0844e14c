// Charts over time, drawn by uPlot. What is drawn is also told in words, for those who can't see it.

import { html, useEffect, useMemo, useRef, useState } from "../lib/h.js";
import uPlot from "../vendor/uplot.js";

const COLOURS = 8;
const DAY_S = 86_400;
const FEW = 3; // a line of so few points shows them
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// series: [{label, values, total}]; `times` are seconds. kind: "line", "area" or "bars" (stacked).
export function Chart({ title, times, series, kind = "line", format = String, height = 190 }) {
  const box = useRef(null);
  const [at, setAt] = useState(null);
  const theme = useTheme();
  const drawn = useMemo(() => (kind === "bars" ? stacked(series) : series.map(({ values }) => values)), [series, kind]);
  const shape = series.map(({ label, values }) => `${label}/${values.filter((value) => value !== null).length <= FEW}`).join("|");
  const latest = useRef(null);
  latest.current = [times, ...drawn];
  const plot = useRef(null);
  useEffect(() => {
    const options = optionsOf({ series, kind, format, height, width: box.current.clientWidth, onMove: setAt });
    plot.current = new uPlot(options, latest.current, box.current);
    const watch = new ResizeObserver(() => plot.current.setSize({ width: box.current.clientWidth, height }));
    watch.observe(box.current);
    return () => {
      watch.disconnect();
      plot.current.destroy();
    };
  }, [shape, kind, theme, height, format]);
  useEffect(() => { plot.current?.setData(latest.current); }, [times, drawn]);
  return html`<figure class="chart" style="margin:0">
    <${Legend} series=${series} at=${at} times=${times} format=${format} />
    <div ref=${box} role="img" aria-label=${inWords(title, times, series, format)}></div></figure>`;
}

function useTheme() {
  const [turn, set] = useState(0);
  useEffect(() => {
    const changed = () => set((old) => old + 1);
    const media = matchMedia("(prefers-color-scheme: dark)");
    window.addEventListener("tallygate:theme", changed);
    media.addEventListener("change", changed);
    return () => {
      window.removeEventListener("tallygate:theme", changed);
      media.removeEventListener("change", changed);
    };
  }, []);
  return turn;
}

function Legend({ series, at, times, format }) {
  const when = at !== null && times[at] ? html`<b>${stamp(times[at])}</b>` : null;
  return html`<div class="legend">${when}${series.map(({ label, values, total }, index) => html`<span>
    <i class=${`k${index % COLOURS}`}></i>${label} ${at !== null ? html`<b>${format(values[at])}</b>` : total !== undefined && html`<b>${format(total)}</b>`}</span>`)}</div>`;
}

function stamp(seconds) {
  return new Date(seconds * 1000).toLocaleString("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

function inWords(title, times, series, format) {
  if (!times.length) return `${title}: no data`;
  const lines = series.map(({ label, values }) => {
    const known = values.filter((value) => value !== null && value !== undefined);
    return `${label} from ${format(Math.min(...known))} to ${format(Math.max(...known))}`;
  });
  return `${title}, ${stamp(times[0])} to ${stamp(times.at(-1))}: ${lines.join("; ")}`;
}

// Each series on top of those before it; uPlot paints the later over the earlier, so the highest comes first.
function stacked(series) {
  const sums = [];
  const layers = [];
  for (const { values } of series) {
    values.forEach((value, index) => { sums[index] = (sums[index] ?? 0) + (value ?? 0); });
    layers.push([...sums]);
  }
  return layers.reverse();
}

function optionsOf({ series, kind, format, height, width, onMove }) {
  const order = series.map((one, index) => ({ ...one, colour: css(`--c${index % COLOURS}`) }));
  if (kind === "bars") order.reverse();
  const axis = { stroke: css("--soft"), font: "11px system-ui", grid: { stroke: css("--line"), width: 1 }, ticks: { show: false } };
  return {
    width: Math.max(width, 120), height, padding: [8, 20, 0, 0], legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: {
      x: { range: (plot, low, high) => [low - edge(plot, kind), high + edge(plot, kind)] },
      y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] },
    },
    axes: [{ ...axis, grid: { show: false }, space: 72, size: 26, values: (_plot, ticks) => ticks.map((tick) => tickOf(tick, ticks)) }, { ...axis, size: 58, space: 34, values: (_plot, ticks) => ticks.map((tick) => format(tick)) }],
    series: [{}, ...order.map((one) => seriesOf(one, kind))],
    hooks: { setCursor: [(plot) => onMove(plot.cursor.idx ?? null)] },
  };
}

// Room for half a bar at both ends; a single moment gets an hour.
function edge(plot, kind) {
  const times = plot.data[0];
  if (times.length < 2) return 1800;
  return kind === "bars" ? (times[1] - times[0]) / 2 : 0;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

// The hour within a day, the date at midnight and where ticks are days.
function tickOf(tick, ticks) {
  const time = new Date(tick * 1000);
  const days = ticks.length > 1 && ticks[1] - ticks[0] >= DAY_S;
  return days || (time.getHours() === 0 && time.getMinutes() === 0) ? date.format(time) : clock.format(time);
}

function seriesOf({ label, colour, values }, kind) {
  const few = values.filter((value) => value !== null && value !== undefined).length <= FEW;
  const base = { label, stroke: colour, width: 1.8, points: { show: few, size: 6, fill: colour }, spanGaps: true };
  if (kind === "bars") return { ...base, width: 0, fill: colour, paths: uPlot.paths.bars({ size: [0.72, 46] }), points: { show: false } };
  return kind === "area" ? { ...base, fill: `${colour}22` } : base;
}
