// Numbers, money and times as people read them.

const integer = new Intl.NumberFormat("en-US");
const compactly = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dayOnly = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "long" });
const NOTHING = "–";

const missing = (value) => value === null || value === undefined || Number.isNaN(value);

export function count(value) {
  return missing(value) ? NOTHING : integer.format(Math.round(value));
}

export function compact(value) {
  if (missing(value)) return NOTHING;
  return Math.abs(value) < 10_000 ? integer.format(Math.round(value * 100) / 100) : compactly.format(value);
}

// Dollars of a number or of the API's exact decimal text; small amounts keep two significant digits.
export function dollars(value) {
  if (missing(value)) return NOTHING;
  const usd = Number(value);
  const size = Math.abs(usd);
  const sign = usd < 0 ? "−" : "";
  if (size === 0) return "$0.00";
  if (size >= 100_000) return `${sign}$${compactly.format(size)}`;
  if (size >= 1) return sign + "$" + size.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
  const digits = Math.min(9, Math.max(2, 1 - Math.floor(Math.log10(size))));
  return `${sign}$${size.toFixed(digits)}`;
}

export function nanos(value) {
  return missing(value) ? NOTHING : dollars(Number(value) / 1e9);
}

export function percent(fraction, digits = 1) {
  return missing(fraction) ? NOTHING : `${(fraction * 100).toFixed(fraction !== 0 && Math.abs(fraction) < 0.001 ? 2 : digits)}%`;
}

export function duration(ms) {
  if (missing(ms)) return NOTHING;
  if (ms > 0 && ms < 1) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(2)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m ${seconds % 60}s`;
  return `${Math.floor(seconds / 3600)}h ${Math.floor((seconds % 3600) / 60)}m`;
}

export function bytes(value) {
  if (missing(value)) return NOTHING;
  if (value < 1024) return `${value} B`;
  return value < 1_048_576 ? `${(value / 1024).toFixed(1)} KiB` : `${(value / 1_048_576).toFixed(1)} MiB`;
}

export function moment(text) {
  if (!text) return NOTHING;
  const time = new Date(text);
  const today = new Date().toDateString() === time.toDateString();
  return today ? clock.format(time) : `${dayOnly.format(time)}, ${clock.format(time)}`;
}

export function exactly(text) {
  return text ? full.format(new Date(text)) : "";
}

export function ago(text, now = Date.now()) {
  if (!text) return "never";
  const seconds = Math.round((now - new Date(text).getTime()) / 1000);
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

export function change(now, before) {
  return before ? (now - before) / before : null;
}

export function pretty(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
