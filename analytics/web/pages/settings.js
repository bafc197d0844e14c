// Settings: projects, gateway keys, providers' credentials, aliases, prices, and who changed what.

import { html } from "../lib/h.js";
import { patch } from "../lib/router.js";
import { Head, Tabs } from "../ui/parts.js";
import { Aliases } from "./settings/aliases.js";
import { Audit } from "./settings/audit.js";
import { Keys } from "./settings/keys.js";
import { Prices } from "./settings/prices.js";
import { Projects } from "./settings/projects.js";
import { Providers } from "./settings/providers.js";

const VIEWS = { projects: Projects, keys: Keys, providers: Providers, aliases: Aliases, prices: Prices, audit: Audit };
const TABS = [["projects", "Projects"], ["keys", "Keys"], ["providers", "Providers"], ["aliases", "Aliases"], ["prices", "Prices"], ["audit", "Changes"]];

export function Settings({ params }) {
  const chosen = VIEWS[params.get("view")] ? params.get("view") : "projects";
  return html`<${Head} title="Settings" /><div class="stack"><${Tabs} label="Settings" tabs=${TABS} value=${chosen} onChange=${(view) => patch({ view, new: null })} />
    <${VIEWS[chosen]} params=${params} /></div>`;
}
