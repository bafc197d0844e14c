// Signing in: by password, or at the identity provider.

import { get, post } from "../lib/api.js";
import { html, useEffect, useState } from "../lib/h.js";
import { useQuery } from "../lib/query.js";
import { go, here } from "../lib/router.js";
import { Field, Loaded, Problem } from "../ui/parts.js";

const PATH = "/sign-in";
const FAILED = {
  expired: "That took too long, or began in another browser. Try again.",
  denied: "The identity provider did not let you in.",
  refused: "The identity provider did not take the sign-in. Try again.",
  unknown_user: "You have no account here yet: ask an administrator for one.",
  another_account: "Your address belongs to another account of the identity provider: ask an administrator.",
  unverified_email: "The identity provider has not verified your e-mail address.",
  no_email: "The identity provider does not tell your e-mail address.",
  unreachable: "The identity provider can't be reached just now. Try again soon.",
};
const OTHERWISE = "Signing in at the identity provider did not work; the log of the API says why.";

export function SignIn({ onDone }) {
  const query = useQuery("methods", (signal) => get("/auth/methods", {}, signal));
  useEffect(() => { document.title = "Sign in · Tallygate"; }, []);
  const failed = here().path === PATH && here().params.get("error");
  return html`<main id="content" class="sign-in" tabindex="-1"><div class="panel"><div class="body stack">
    <h1><img src="/favicon.svg" alt="" width="22" height="22" />Sign in to Tallygate</h1>
    ${failed && html`<${Problem} error=${{ message: FAILED[failed] ?? OTHERWISE }} />`}
    <${Loaded} query=${query} lines=${3}>${(methods) => html`<div class="stack">
      ${!methods.ready && html`<p class="soft">Nobody administrates this installation yet. Make the first administrator on its machine: <code>tallygate users add you@example.com --admin</code></p>`}
      ${methods.password && html`<${ByPassword} onDone=${onDone} />`}
      ${methods.provider && html`<a class="button" href=${`/api/v1/auth/oidc?next=${encodeURIComponent(target())}`}>Continue with ${methods.provider}</a>`}</div>`}<//>
  </div></div></main>`;
}

const target = () => (location.pathname === PATH ? "/" : location.pathname + location.search);

function ByPassword({ onDone }) {
  const [given, give] = useState({ email: "", password: "" });
  const [state, set] = useState({});
  const submit = async (event) => {
    event.preventDefault();
    set({ busy: true });
    try {
      await post("/auth/sign-in", given);
    } catch (error) {
      set({ error });
      give({ ...given, password: "" });
      return;
    }
    if (here().path === PATH) go("/", undefined, { replace: true });
    onDone();
  };
  const change = ({ currentTarget: { name, value } }) => give({ ...given, [name]: value });
  return html`<form class="stack" onSubmit=${submit}>
    <${Field} label="E-mail"><input name="email" type="email" required autocomplete="username" value=${given.email} onInput=${change} /><//>
    <${Field} label="Password"><input name="password" type="password" required autocomplete="current-password" value=${given.password} onInput=${change} /><//>
    <${Problem} error=${state.error} />
    <button type="submit" class="button primary" disabled=${state.busy}>Sign in</button></form>`;
}
