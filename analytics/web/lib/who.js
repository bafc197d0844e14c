// Who is signed in, and what they may do in the project that is shown.

import { here } from "./router.js";

const RANK = { viewer: 0, member: 1, admin: 2 };
let you = null;

export function known(told) {
  you = told;
}

export const projectHere = () => here().params.get("project") ?? you?.project ?? null;

export function may(role) {
  const mine = you?.administrator ? "admin" : you?.projects.find(({ id }) => id === projectHere())?.role;
  return RANK[mine] >= RANK[role];
}

// Whether the settings hold anything for them.
export const administrates = () => Boolean(you?.administrator || you?.projects.some(({ role }) => role === "admin"));
