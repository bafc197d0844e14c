// Tables: columns say how a row is shown; headings sort where that is possible.

import { html } from "../lib/h.js";

// column: {id, label, show(row), number, clip, title(row), sort}. `sort` is {by, down}; `onSort(id)` asks for another.
export function Table({ label, columns, rows, keyOf, onOpen, chosen, sort, onSort, fresh }) {
  return html`<div class="table-wrap" tabindex="0" role="region" aria-label=${label}><table>
    <thead><tr>${columns.map((column) => html`<${Heading} column=${column} sort=${sort} onSort=${onSort} />`)}</tr></thead>
    <tbody>${rows.map((row, index) => {
      const key = keyOf ? keyOf(row) : index;
      return html`<${Row} key=${key} row=${row} columns=${columns} onOpen=${onOpen} chosen=${chosen === key} fresh=${fresh?.has(key)} />`;
    })}</tbody></table></div>`;
}

function Heading({ column, sort, onSort }) {
  const active = sort && sort.by === column.id;
  const direction = active ? (sort.down ? "descending" : "ascending") : undefined;
  const text = active ? `${column.label} ${sort.down ? "↓" : "↑"}` : column.label;
  return html`<th scope="col" class=${column.number ? "number" : ""} aria-sort=${direction}>
    ${column.sort && onSort ? html`<button type="button" onClick=${() => onSort(column.id)}>${text}</button>` : text}</th>`;
}

function Row({ row, columns, onOpen, chosen, fresh }) {
  const open = onOpen && (() => onOpen(row));
  const keyed = open && ((event) => {
    if (event.target === event.currentTarget && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      open();
    }
  });
  const names = [open && "open", chosen && "chosen", fresh && "fresh"].filter(Boolean).join(" ");
  return html`<tr class=${names} tabindex=${open ? 0 : undefined} onClick=${open || undefined} onKeyDown=${keyed || undefined}>
    ${columns.map((column) => html`<td class=${[column.number && "number", column.clip && "clip"].filter(Boolean).join(" ")}
      title=${column.title?.(row)}>${column.show(row)}</td>`)}</tr>`;
}

// Sorting of rows that are all here.
export function sorted(rows, columns, sort) {
  const column = columns.find(({ id }) => id === sort?.by);
  if (!column) return rows;
  const value = column.value ?? ((row) => row[column.id]);
  const order = (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === y) return 0;
    if (x === null || x === undefined) return 1;
    if (y === null || y === undefined) return -1;
    return (x < y ? -1 : 1) * (sort.down ? -1 : 1);
  };
  return [...rows].sort(order);
}

export function nextSort(sort, id) {
  return { by: id, down: sort?.by === id ? !sort.down : true };
}
