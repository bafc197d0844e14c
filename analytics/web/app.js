// The page's frame: navigation, shortcuts, and the view that the address names.

import { get, SIGNED_OUT } from "./lib/api.js";
import { html, render, useEffect, useState } from "./lib/h.js";
import { listen, useShortcut } from "./lib/keys.js";
import { useQuery } from "./lib/query.js";
import { go, Link, to, useLocation, visit } from "./lib/router.js";
import { restoreTheme, toggleTheme } from "./lib/theme.js";
import { administrates, known, projectHere } from "./lib/who.js";
import { Alerts } from "./pages/alerts.js";
import { Cache } from "./pages/cache.js";
import { Limits } from "./pages/limits.js";
import { Models } from "./pages/models.js";
import { Overview } from "./pages/overview.js";
import { Properties } from "./pages/properties.js";
import { Requests } from "./pages/requests.js";
import { Sessions } from "./pages/sessions.js";
import { Settings } from "./pages/settings.js";
import { SignIn } from "./pages/sign_in.js";
import { Sql } from "./pages/sql.js";
import { Users } from "./pages/users.js";
import { Icon } from "./ui/icons.js";
import { Dialog, Empty, Loaded, Toasts } from "./ui/parts.js";
import { WhoBox } from "./ui/who_box.js";

const PAGES = [
  { path: "/", label: "Overview", icon: "overview", key: "o", view: Overview },
  { path: "/requests", label: "Requests", icon: "requests", key: "r", view: Requests },
  { path: "/sessions", label: "Sessions", icon: "sessions", key: "s", view: Sessions },
  { path: "/users", label: "Users", icon: "users", key: "u", view: Users, group: "Understand" },
  { path: "/properties", label: "Properties", icon: "properties", key: "p", view: Properties },
  { path: "/models", label: "Models", icon: "models", key: "m", view: Models },
  { path: "/cache", label: "Cache", icon: "cache", key: "c", view: Cache },
  { path: "/limits", label: "Rate limits", icon: "limits", key: "l", view: Limits },
  { path: "/sql", label: "SQL", icon: "sql", key: "q", view: Sql },
  { path: "/alerts", label: "Budgets & alerts", icon: "alerts", key: "b", view: Alerts, group: "Manage" },
  { path: "/settings", label: "Settings", icon: "settings", key: "t", view: Settings },
];

// Nothing is shown before it is known who asks: views ask for a project's calls.
function Door() {
  const query = useQuery("info", (signal) => get("/info", {}, signal));
  const { path } = useLocation();
  useEffect(() => {
    window.addEventListener(SIGNED_OUT, query.reload);
    return () => window.removeEventListener(SIGNED_OUT, query.reload);
  }, [query.reload]);
  const inside = query.data && query.error?.status !== 401;
  useEffect(() => { if (inside && path === "/sign-in") go("/", undefined, { replace: true }); }, [inside, path]);
  if (query.error?.status === 401) return html`<${SignIn} onDone=${query.reload} />`;
  if (!inside) return html`<main><${Loaded} query=${query} /></main>`;
  known(query.data.you);
  return html`<${App} you=${query.data.you} onLeft=${query.reload} />`;
}

function App({ you, onLeft }) {
  const location = useLocation();
  const [menu, setMenu] = useState(false);
  const [help, setHelp] = useState(false);
  const page = PAGES.find(({ path }) => path === location.path);
  useEffect(() => setMenu(false), [location.path]);
  useShortcut("?", () => setHelp(true));
  useShortcut("d", toggleTheme);
  return html`<a class="skip" href="#content">Skip to content</a>
    <div class="top"><button type="button" class="button quiet square" aria-label="Menu" aria-expanded=${String(menu)} onClick=${() => setMenu(true)}><${Icon} name="menu" /></button>
      <${Brand} /></div>
    ${menu && html`<button type="button" class="shade" aria-label="Close the menu" onClick=${() => setMenu(false)}></button>`}
    <div class="frame">
      <${Side} shown=${menu} path=${location.path} you=${you} onLeft=${onLeft} onHelp=${() => setHelp(true)} />
      <main id="content" tabindex="-1" key=${`${location.path} ${projectHere()}`}>${page ? html`<${page.view} params=${location.params} />`
        : html`<${Empty} title="There is no such page"><${Link} href=${to("/")}>Go to the overview<//><//>`}</main>
    </div>
    ${help && html`<${Shortcuts} onClose=${() => setHelp(false)} />`}
    <${Toasts} />`;
}

function Brand() {
  return html`<${Link} class="brand" href=${to("/")}><img src="/favicon.svg" alt="" width="22" height="22" />Tallygate<//>`;
}

function Side({ shown, path, you, onLeft, onHelp }) {
  const pages = PAGES.filter((page) => page.view !== Settings || administrates());
  return html`<aside class=${`side ${shown ? "shown" : ""}`}>
    <${Brand} />
    <nav aria-label="Pages">${pages.map((page) => html`${page.group && html`<div class="group">${page.group}</div>`}
      <${Link} href=${to(page.path)} aria-current=${page.path === path ? "page" : undefined}><${Icon} name=${page.icon} />${page.label}<//>`)}</nav>
    <${WhoBox} you=${you} onLeft=${onLeft} />
    <div class="foot">
      <button type="button" class="button quiet square" aria-label="Dark or light" title="Dark or light (d)" onClick=${toggleTheme}><${Icon} name="theme" /></button>
      <button type="button" class="button quiet square" aria-label="Shortcuts" title="Shortcuts (?)" onClick=${onHelp}><${Icon} name="help" /></button>
    </div>
  </aside>`;
}

const ACTIONS = [["?", "This list"], ["/", "Filter or search"], ["d", "Dark or light"], ["j / k", "Next, previous request"], ["Space", "Pause or go on (live requests)"], ["Ctrl ↵", "Run the query (SQL)"], ["Esc", "Close"]];

function Shortcuts({ onClose }) {
  const pages = PAGES.map(({ key, label }) => [`g ${key}`, label]);
  return html`<${Dialog} title="Shortcuts" onClose=${onClose}><dl class="shortcuts">
    ${[...pages, ...ACTIONS].map(([keys, what]) => html`<div><dt>${what}</dt><dd><kbd>${keys}</kbd></dd></div>`)}</dl><//>`;
}

restoreTheme();
listen(new Map(PAGES.map(({ key, path }) => [key, () => visit(to(path))])));

render(html`<${Door} />`, document.getElementById("app"));
