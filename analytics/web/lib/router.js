// The state of every view is its address: path and query. Links and the back button work as anywhere.

import { html, useEffect, useState } from "./h.js";

const CHANGED = "tallygate:location";
const KEPT = ["range", "from", "to", "project"];

export function here() {
  return { path: location.pathname, params: new URLSearchParams(location.search) };
}

function address(path, params) {
  const query = params.toString();
  return query ? `${path}?${query}` : path;
}

export function go(path, params = new URLSearchParams(), { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", address(path, params));
  window.dispatchEvent(new Event(CHANGED));
}

// Changes parameters of the address: null, undefined and "" remove one, an array gives several.
export function patch(changes, options) {
  const { path, params } = here();
  apply(params, changes);
  go(path, params, options);
}

function apply(params, changes) {
  for (const [name, value] of Object.entries(changes)) {
    params.delete(name);
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") params.append(name, one);
    }
  }
}

// The address of another view; the period and the project go along.
export function to(path, params = {}) {
  const made = new URLSearchParams();
  const current = here().params;
  for (const name of KEPT) if (current.has(name)) made.set(name, current.get(name));
  apply(made, params);
  return address(path, made);
}

export function useLocation() {
  const [current, set] = useState(here);
  useEffect(() => {
    const changed = () => set(here());
    window.addEventListener("popstate", changed);
    window.addEventListener(CHANGED, changed);
    return () => {
      window.removeEventListener("popstate", changed);
      window.removeEventListener(CHANGED, changed);
    };
  }, []);
  return current;
}

function follow(event, href) {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  visit(href);
}

// Goes to an address that `to` made.
export function visit(href) {
  const url = new URL(href, location.href);
  go(url.pathname, url.searchParams);
}

export function Link({ href, children, ...rest }) {
  return html`<a href=${href} onClick=${(event) => follow(event, href)} ...${rest}>${children}</a>`;
}
