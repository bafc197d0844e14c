// Budgets and alerts: the rules and what they are at, what was told, and whom.

import { html } from "../lib/h.js";
import { patch } from "../lib/router.js";
import { Head, Tabs } from "../ui/parts.js";
import { Channels } from "./alerts/channels.js";
import { Deliveries } from "./alerts/deliveries.js";
import { History } from "./alerts/history.js";
import { Rules } from "./alerts/rules.js";

const VIEWS = { rules: Rules, history: History, channels: Channels, deliveries: Deliveries };
const TABS = [["rules", "Rules"], ["history", "History"], ["channels", "Channels"], ["deliveries", "Deliveries"]];

export function Alerts({ params }) {
  const chosen = VIEWS[params.get("view")] ? params.get("view") : "rules";
  return html`<${Head} title="Budgets & alerts" /><div class="stack">
    <${Tabs} label="Budgets & alerts" tabs=${TABS} value=${chosen} onChange=${(view) => patch({ view: view === "rules" ? null : view, rule: null, state: null, id: null })} />
    <${VIEWS[chosen]} params=${params} /></div>`;
}
