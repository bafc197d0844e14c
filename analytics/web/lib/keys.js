// Shortcuts: `g` and a letter goes to a page; single letters act on the view that is shown.

import { useLayoutEffect } from "./h.js";

const inField = (target) => target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
const handlers = new Map(); // key -> stack of actions; the view shown last acts

export function useShortcut(key, action) {
  useLayoutEffect(() => {
    const stack = handlers.get(key) ?? [];
    handlers.set(key, stack);
    stack.push(action);
    return () => stack.splice(stack.indexOf(action), 1);
  });
}

export function listen(pages) {
  let prefix = 0;
  window.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey || (inField(event.target) && event.key !== "Escape")) return;
    if (event.key === " " && event.target.closest("button, a, summary")) return;
    if (prefix > Date.now() && pages.has(event.key)) {
      prefix = 0;
      event.preventDefault();
      pages.get(event.key)();
      return;
    }
    if (event.key === "g") {
      prefix = Date.now() + 1200;
      return;
    }
    const action = handlers.get(event.key)?.at(-1);
    if (!action) return;
    event.preventDefault();
    action(event);
  });
}
