// Dark or light: the system's choice, unless one was made here.

const STORED = "tallygate.theme";

export function theme() {
  return document.documentElement.dataset.theme
    ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

export function restoreTheme() {
  const chosen = localStorage.getItem(STORED);
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
}

export function toggleTheme() {
  const next = theme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  localStorage.setItem(STORED, next);
  window.dispatchEvent(new Event("tallygate:theme"));
}
