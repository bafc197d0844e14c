// The order of a table, kept in the address.

export function sortOf(params, by) {
  return { by: params.get("sort") ?? by, down: params.get("order") !== "asc" };
}
