// Questions in SQL over the views. Values travel as parameters, never in the text.

import { call } from "../lib/api.js";

export function run(query, parameters = {}, signal) {
  return call("POST", "/sql", { body: { query, parameters }, signal });
}

// The rows as objects by column.
export async function rows(query, parameters, signal) {
  const { columns, rows: found } = await run(query, parameters, signal);
  return found.map((row) => Object.fromEntries(columns.map(({ name }, index) => [name, row[index]])));
}

export async function row(query, parameters, signal) {
  return (await rows(query, parameters, signal))[0] ?? null;
}

// The condition of a period, and the values that it needs.
export const WITHIN = "received_at >= {from:DateTime64(6, 'UTC')} AND received_at < {to:DateTime64(6, 'UTC')}";
export const within = ({ from, to }, values = {}) => ({ ...values, from, to });
