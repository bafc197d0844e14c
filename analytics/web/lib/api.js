// Talking to the API: JSON in and out, and errors as errors.

import { here } from "./router.js";

const BASE = "/api/v1";
export const SIGNED_OUT = "tallygate:signed-out";

export class ApiError extends Error {
  constructor(status, body) {
    super(body?.error?.message ?? `the API answers ${status}`);
    this.status = status;
    this.code = body?.error?.code ?? "";
    this.position = body?.error?.position ?? null;
    this.param = body?.error?.param ?? null;
  }
}

function url(path, params = {}) {
  const made = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") made.append(name, one);
    }
  }
  const query = made.toString();
  return BASE + path + (query ? `?${query}` : "");
}

export async function call(method, path, { params, body, signal } = {}) {
  const headers = { Accept: "application/json" };
  const project = here().params.get("project");
  if (project) headers["Tallygate-Project"] = project;
  if (method !== "GET") headers["Content-Type"] = "application/json";
  const sent = method === "GET" || method === "DELETE" ? undefined : JSON.stringify(body ?? {});
  let answer;
  try {
    answer = await fetch(url(path, params), { method, headers, body: sent, signal, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { error: { message: "The API does not answer. Is it running?", code: "unreachable" } });
  }
  const text = await answer.text();
  const json = answer.headers.get("Content-Type")?.includes("json") && text ? JSON.parse(text) : null;
  if (answer.status === 401 && json?.error?.code === "not_signed_in") window.dispatchEvent(new Event(SIGNED_OUT));
  if (!answer.ok) throw new ApiError(answer.status, json);
  return json;
}

export const get = (path, params, signal) => call("GET", path, { params, signal });
export const post = (path, body) => call("POST", path, { body });
export const put = (path, body) => call("PUT", path, { body });
export const patchJson = (path, body) => call("PATCH", path, { body });
export const remove = (path, params) => call("DELETE", path, { params });
