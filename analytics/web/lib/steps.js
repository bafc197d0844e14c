// Calls of a session as the tree of their paths; each step sums up what is below it. Pure.

const FINE = new Set(["ok", "cache_hit"]);

export function treeOf(calls) {
  const root = node("");
  for (const call of calls) {
    let place = root;
    add(place, call);
    for (const name of call.session_path.split("/").filter(Boolean)) {
      place = child(place, name);
      add(place, call);
    }
    place.calls.push(call);
  }
  return root;
}

function node(name) {
  return { name, steps: [], calls: [], requests: 0, errors: 0, unpriced: 0, cost: 0, tokens: 0, latency: 0 };
}

function child(place, name) {
  let found = place.steps.find((step) => step.name === name);
  if (!found) place.steps.push((found = node(name)));
  return found;
}

function add(place, call) {
  place.requests += 1;
  place.errors += FINE.has(call.outcome) ? 0 : 1;
  place.unpriced += call.priced ? 0 : 1;
  place.cost += Number(call.cost_nanos ?? 0);
  place.tokens += call.input_tokens + call.output_tokens;
  place.latency += call.latency_ms;
}
