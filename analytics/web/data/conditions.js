// Filters as SQL. Fields and comparisons are looked up, values are parameters: no text of a filter is ever SQL.

const TEXTS = new Set([
  "model", "provider", "user_id", "key_id", "outcome", "endpoint", "session_id", "session_name", "cache", "error_code", "prompt", "response",
]);
const NUMBERS = { cost_usd: "Decimal(38, 9)", latency_ms: "Float64", ttft_ms: "Float64", input_tokens: "Float64", output_tokens: "Float64" };
const NULLABLE = new Set(["cost_usd", "ttft_ms"]);
const ORDER = { gt: ">", gte: ">=", lt: "<", lte: "<=" };
const PROPERTY = "property:";
const NEGATED = { ne: "eq", nin: "in" };
const STATUS_CLASS = /^([1-5])xx$/i;

// {sql, values} of conditions all of which must hold, or any. What names no known field or comparison is left out.
export function where(conditions, any = false) {
  const values = {};
  const bind = (value, type) => {
    const name = `c${Object.keys(values).length}`;
    values[name] = value;
    return `{${name}:${type}}`;
  };
  const parts = conditions.map((condition) => clause(condition, bind)).filter(Boolean);
  return { sql: parts.length ? `(${parts.join(any ? " OR " : " AND ")})` : "1", values };
}

function clause({ field, op, value }, bind) {
  if (op in NEGATED) {
    const same = clause({ field, op: NEGATED[op], value }, bind);
    // A value that is not known is not the one named.
    return same && `NOT ifNull(${same}, 0)`;
  }
  const column = columnOf(field, bind);
  if (!column) return null;
  if (op === "exists") return value === "false" ? `NOT ${column.exists}` : column.exists;
  if (op === "contains") return `positionCaseInsensitiveUTF8(${column.text}, ${bind(value, "String")}) > 0`;
  if (op === "regex") return `match(${column.text}, ${bind(value, "String")})`;
  if (op === "eq") return column.equals(value);
  if (op === "in") return `(${listed(value).map(column.equals).join(" OR ")})`;
  return op in ORDER ? `${column.sql} ${ORDER[op]} ${column.bound(value)}` : null;
}

function listed(text) {
  const items = text.split(",").map((item) => item.trim()).filter(Boolean);
  return items.length ? items : [""];
}

// How a field is compared: {sql, text, bound(value), equals(value), exists}.
function columnOf(field, bind) {
  if (field.startsWith(PROPERTY)) {
    const name = bind(field.slice(PROPERTY.length).toLowerCase(), "String");
    return textual(`properties[${name}]`, bind, `mapContains(properties, ${name})`);
  }
  if (TEXTS.has(field)) return textual(field, bind, `notEmpty(${field})`);
  if (field === "stream") return textual("toString(stream)", bind, "stream");
  if (field === "status") return status(bind);
  return field in NUMBERS ? numeric(field, NUMBERS[field], bind) : null;
}

function textual(sql, bind, exists) {
  const bound = (value) => bind(value, "String");
  return { sql, text: sql, bound, equals: (value) => `${sql} = ${bound(value)}`, exists };
}

function numeric(sql, type, bind) {
  const bound = (value) => bind(number(value), type);
  const exists = NULLABLE.has(sql) ? `isNotNull(${sql})` : `(${sql} != 0)`;
  return { sql, text: `toString(${sql})`, bound, equals: (value) => `${sql} = ${bound(value)}`, exists };
}

// A status is also asked for by its class, as 5xx.
function status(bind) {
  const plain = numeric("status", "Float64", bind);
  const equals = (value) => {
    const found = STATUS_CLASS.exec(value.trim());
    return found ? `intDiv(status, 100) = ${bind(Number(found[1]), "UInt8")}` : plain.equals(value);
  };
  return { ...plain, equals };
}

// As text: a decimal keeps its digits.
function number(text) {
  const plain = text.trim();
  if (!plain || !Number.isFinite(Number(plain))) throw new Error(`The filter's value “${text}” is not a number.`);
  return plain;
}
