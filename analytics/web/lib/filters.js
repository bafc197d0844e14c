// Filters as the address and the API write them: a list of conditions, all or any of which must hold.

export const FIELDS = [
  ["model", "Model"], ["provider", "Provider"], ["user_id", "User"], ["key_id", "Key"], ["status", "Status"],
  ["outcome", "Outcome"], ["endpoint", "Endpoint"], ["session_id", "Session"], ["session_name", "Session name"],
  ["cost_usd", "Cost ($)"], ["latency_ms", "Latency (ms)"], ["ttft_ms", "First byte (ms)"],
  ["input_tokens", "Input tokens"], ["output_tokens", "Output tokens"], ["cache", "Cache"],
  ["error_code", "Error code"], ["stream", "Stream"], ["prompt", "Prompt"], ["response", "Response"],
];
const NUMBERS = new Set(["status", "cost_usd", "latency_ms", "ttft_ms", "input_tokens", "output_tokens"]);
export const OPS = [
  ["eq", "is"], ["ne", "is not"], ["contains", "contains"], ["regex", "matches"], ["in", "is one of"],
  ["nin", "is none of"], ["gt", ">"], ["gte", "≥"], ["lt", "<"], ["lte", "≤"], ["exists", "is set"],
];
const SEPARATOR = "~";

export function labelOf(field) {
  if (field.startsWith("property:")) return field.slice("property:".length);
  return FIELDS.find(([id]) => id === field)?.[1] ?? field;
}

export function write(condition) {
  return [condition.field, condition.op, condition.value].join(SEPARATOR);
}

export function read(params) {
  return params.getAll("f").map((text) => {
    const [field, op, ...value] = text.split(SEPARATOR);
    return { field, op: op || "eq", value: value.join(SEPARATOR) };
  });
}

// The filter tree that the API takes; null if nothing is filtered.
export function tree(conditions, any = false) {
  const usable = conditions.filter(({ field, op, value }) => field && (op === "exists" || value !== ""));
  if (!usable.length) return null;
  return { [any ? "or" : "and"]: usable.map(leaf) };
}

function leaf({ field, op, value }) {
  if (op === "exists") return { field, op, value: value !== "false" };
  if (op === "in" || op === "nin") return { field, op, value: value.split(",").map((one) => typed(field, one.trim())) };
  return { field, op, value: typed(field, value) };
}

function typed(field, value) {
  if (field === "stream") return value === "true";
  return NUMBERS.has(field) && value !== "" && !Number.isNaN(Number(value)) ? Number(value) : value;
}

export function words({ field, op, value }) {
  const name = OPS.find(([id]) => id === op)?.[1] ?? op;
  return op === "exists" ? `${labelOf(field)} is ${value === "false" ? "not " : ""}set` : `${labelOf(field)} ${name} ${value}`;
}
