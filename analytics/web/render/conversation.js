// A conversation on the screen.

import { pretty } from "../lib/format.js";
import { html, useState } from "../lib/h.js";

const LONG = 1600;

export function Conversation({ talk }) {
  return html`<div>
    ${talk.settings.length > 0 && html`<p class="row">${talk.settings.map(([name, value]) => html`<span class="badge" title=${value}>${name}: ${value.slice(0, 60)}</span>`)}</p>`}
    ${talk.tools.length > 0 && html`<details class="message"><summary class="part">${talk.tools.length} tool${talk.tools.length > 1 ? "s" : ""} offered: ${talk.tools.map(({ name }) => name).join(", ")}</summary>
      ${talk.tools.map((tool) => html`<div class="part"><b class="mono">${tool.name}</b> <span class="soft">${tool.description}</span>${tool.schema && html`<pre>${pretty(tool.schema)}</pre>`}</div>`)}</details>`}
    ${talk.messages.map((message) => html`<${Message} message=${message} />`)}
  </div>`;
}

function Message({ message }) {
  return html`<article class=${`message ${message.output ? "output" : ""}`}>
    <header>${message.output ? `${message.role} · answer` : message.role}</header>
    ${message.parts.length ? message.parts.map((part) => html`<div class="part"><${Part} part=${part} /></div>`) : html`<div class="part soft">(empty)</div>`}
  </article>`;
}

function Part({ part }) {
  if (part.kind === "text") return html`<${Text} text=${part.text} />`;
  if (part.kind === "thinking") return html`<details open><summary>Thinking</summary><${Text} text=${part.text} tone="thinking" /></details>`;
  if (part.kind === "image") return html`<img src=${part.source} alt="Picture in the call" />`;
  if (part.kind === "file") return html`<span class="soft">Attached: <span class="mono">${part.name.slice(0, 300)}</span></span>`;
  if (part.kind === "call") return html`<div><p>calls <b class="mono">${part.name}</b> <span class="soft mono">${part.id}</span></p><pre>${pretty(part.value ?? {})}</pre></div>`;
  if (part.kind === "result") return html`<div><p class="soft">result of <span class="mono">${part.id}</span></p>${part.parts.map((one) => html`<${Part} part=${one} />`)}</div>`;
  return html`<pre>${pretty(part.value)}</pre>`;
}

function Text({ text, tone = "" }) {
  const [all, show] = useState(false);
  const long = text.length > LONG && !all;
  return html`<div class=${`text ${tone}`}>${long ? `${text.slice(0, LONG)}…` : text}</div>
    ${long && html`<button type="button" class="button small" onClick=${() => show(true)}>Show all ${text.length.toLocaleString("en-US")} characters</button>`}`;
}
