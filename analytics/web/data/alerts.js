// Rules with what they are at, whom they tell, and what was told.

import { get } from "../lib/api.js";

const MANY = 500;

async function all(path, signal) {
  return (await get(path, { limit: MANY }, signal)).data;
}

// Every rule with the groups that it counts; the ones that are off have none. Who may not change rules sees those in force.
export async function rules(signal) {
  const counted = await get("/budgets", {}, signal);
  let kept, channels, projects;
  try {
    [kept, channels, projects] = await Promise.all(["rules", "channels", "projects"].map((name) => all(`/admin/${name}`, signal)));
  } catch (error) {
    if (error.status !== 403) throw error;
    return { rules: counted.budgets, channels: [], projects: [], manages: false };
  }
  const states = new Map(counted.budgets.map((one) => [one.rule.rule_id, one]));
  return { rules: kept.map((rule) => ({ ...(states.get(rule.rule_id) ?? { state: "", groups: [], groups_total: 0 }), rule })), channels, projects, manages: true };
}

export async function alerts(params, signal) {
  return get("/alerts", params, signal);
}

export async function channels(signal) {
  const [channels, hooks, projects] = await Promise.all([all("/admin/channels", signal), all("/admin/hooks", signal), all("/admin/projects", signal)]);
  return { channels, hooks, projects };
}

export async function deliveries(params, signal) {
  const [page, channels] = await Promise.all([get("/admin/deliveries", params, signal), all("/admin/channels", signal)]);
  return { ...page, channels };
}

export const delivery = (id, signal) => get(`/admin/deliveries/${id}`, {}, signal);
export const prices = async (signal) => ({ prices: await all("/admin/prices", signal), projects: await all("/admin/projects", signal) });
