// The page's conditions as the filter tree of the API, and back where that is possible.

const NUMBERS = new Set(["status", "input_tokens", "output_tokens", "latency_ms", "ttft_ms"]);
const OPS = { nin: "not_in" };
const BACK = { not_in: "nin" };
const STATUS_CLASS = /^([1-5])xx$/i;

const fieldOf = (name) => name.replace(/^property:/, "property.");

function typed(field, text) {
  if (field === "stream") return text === "true";
  return NUMBERS.has(field) && text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

function leaf({ field: name, op, value }) {
  const field = fieldOf(name);
  if (op === "exists") return { field, op, value: value !== "false" };
  const found = field === "status" && op === "eq" && STATUS_CLASS.exec(value.trim());
  if (found) {
    const low = Number(found[1]) * 100;
    return { and: [{ field, op: "gte", value: low }, { field, op: "lt", value: low + 100 }] };
  }
  const values = op === "in" || op === "nin" ? value.split(",").map((one) => typed(field, one.trim())) : typed(field, value);
  return { field, op: OPS[op] ?? op, value: values };
}

// All conditions must hold. None: no filter.
export function toTree(conditions) {
  const parts = conditions.map(leaf);
  return parts.length > 1 ? { and: parts } : parts[0] ?? null;
}

// Null if the tree is more than conditions that all must hold.
export function fromTree(tree) {
  if (!tree) return [];
  const parts = tree.and ?? [tree];
  return parts.every((part) => part.field) ? parts.map(condition) : null;
}

function condition({ field, op, value }) {
  return { field: field.replace(/^property\./, "property:"), op: BACK[op] ?? op, value: Array.isArray(value) ? value.join(", ") : String(value ?? true) };
}
