// Filters as the address has them: a list of conditions, all or any of which must hold.

export const FIELDS = [
  ["model", "Model"], ["provider", "Provider"], ["user_id", "User"], ["key_id", "Key"], ["status", "Status"],
  ["outcome", "Outcome"], ["endpoint", "Endpoint"], ["session_id", "Session"], ["session_name", "Session name"],
  ["cost_usd", "Cost ($)"], ["latency_ms", "Latency (ms)"], ["ttft_ms", "First byte (ms)"],
  ["input_tokens", "Input tokens"], ["output_tokens", "Output tokens"], ["cache", "Cache"],
  ["error_code", "Error code"], ["stream", "Stream"], ["prompt", "Prompt"], ["response", "Response"],
];
export const OPS = [
  ["eq", "is"], ["ne", "is not"], ["contains", "contains"], ["regex", "matches"], ["in", "is one of"],
  ["nin", "is none of"], ["gt", ">"], ["gte", "≥"], ["lt", "<"], ["lte", "≤"], ["exists", "is set"],
];
const SEPARATOR = "~";

function labelOf(field) {
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

export function words({ field, op, value }) {
  const name = OPS.find(([id]) => id === op)?.[1] ?? op;
  return op === "exists" ? `${labelOf(field)} is ${value === "false" ? "not " : ""}set` : `${labelOf(field)} ${name} ${value}`;
}
