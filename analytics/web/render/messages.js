// A call's bodies as a conversation, whatever dialect they are in. Pure: JSON in, parts out.
//
// A message is {role, parts, output}; a part is {kind, ...}: text, thinking, image, file, call, result, json.

export function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// The conversation of a call, or null if the bodies are of no dialect known here.
export function conversation(prompt, response) {
  const asked = parse(prompt);
  const answered = parse(response);
  const messages = [...inputs(asked), ...outputs(answered)];
  return messages.length ? { messages, tools: tools(asked), settings: settings(asked) } : null;
}

function inputs(body) {
  if (!body || typeof body !== "object") return [];
  const system = body.system ?? body.instructions ?? body.systemInstruction ?? body.system_instruction;
  const first = system ? [message("system", system.parts ?? system)] : [];
  if (Array.isArray(body.messages)) return [...first, ...body.messages.flatMap(chatMessage)];
  if (Array.isArray(body.contents)) return [...first, ...body.contents.map((content) => message(content.role ?? "user", content.parts))];
  if (body.contents) return [...first, message("user", body.contents)];
  if (Array.isArray(body.input)) return [...first, ...body.input.map((item) => (typeof item === "string" ? message("input", item) : responsesItem(item)))];
  if (body.input !== undefined || body.prompt !== undefined) return [...first, message("user", body.input ?? body.prompt)];
  return first;
}

function outputs(body) {
  if (!body || typeof body !== "object") return [];
  const made = [];
  if (body.error) made.push(message("error", [{ type: "text", text: body.error.message ?? JSON.stringify(body.error) }]));
  if (Array.isArray(body.choices)) made.push(...body.choices.flatMap((choice) => chatMessage(choice.message ?? { role: "assistant", content: choice.text ?? "" })));
  if (Array.isArray(body.output)) made.push(...body.output.map(responsesItem));
  if (Array.isArray(body.candidates)) made.push(...body.candidates.map(({ content }) => message("assistant", content?.parts)));
  if (body.type === "message" && Array.isArray(body.content)) made.push(message("assistant", body.content));
  if (Array.isArray(body.data) && body.data[0]?.embedding) made.push(message("assistant", embeddings(body.data)));
  else if (Array.isArray(body.data) && (body.data[0]?.url || body.data[0]?.b64_json)) made.push(message("assistant", body.data.map(madeImage)));
  return made.map((one) => ({ ...one, output: true }));
}

const embeddings = (data) => [{ type: "text", text: `${data.length} embedding${data.length === 1 ? "" : "s"} of ${data[0].embedding.length} numbers` }];
const madeImage = ({ url, b64_json: data }) => ({ type: "image_url", image_url: { url: url ?? `data:image/png;base64,${data}` } });

function chatMessage(given) {
  const made = message(given.role ?? "user", given.role === "tool"
    ? [{ type: "tool_result", tool_use_id: given.tool_call_id, content: given.content }] : given.content);
  const thinking = given.reasoning_content ?? given.reasoning;
  if (thinking) made.parts.unshift({ kind: "thinking", text: String(thinking) });
  if (given.refusal) made.parts.push({ kind: "text", text: given.refusal });
  for (const { id, function: called } of given.tool_calls ?? []) made.parts.push(toolCall(id, called?.name, called?.arguments));
  if (given.function_call) made.parts.push(toolCall("", given.function_call.name, given.function_call.arguments));
  return [made];
}

function responsesItem(item) {
  if (item.type === "function_call") return { role: "assistant", parts: [toolCall(item.call_id, item.name, item.arguments)] };
  if (item.type === "function_call_output") return { role: "tool", parts: [{ kind: "result", id: item.call_id, parts: parts(item.output) }] };
  if (item.type === "reasoning") return { role: "assistant", parts: (item.summary ?? []).map(({ text }) => ({ kind: "thinking", text })) };
  if (item.role || item.type === "message") return message(item.role ?? "assistant", item.content);
  return { role: "assistant", parts: [{ kind: "json", value: item }] };
}

function message(role, content) {
  return { role: role === "model" ? "assistant" : role, parts: parts(content) };
}

function parts(content) {
  if (content === null || content === undefined) return [];
  if (typeof content === "string") return content ? [{ kind: "text", text: content }] : [];
  return (Array.isArray(content) ? content : [content]).map(part);
}

function part(given) {
  if (typeof given === "string") return { kind: "text", text: given };
  if (given.functionCall) return toolCall(given.functionCall.id, given.functionCall.name, given.functionCall.args);
  if (given.functionResponse) return { kind: "result", id: given.functionResponse.name, parts: [{ kind: "json", value: given.functionResponse.response }] };
  const inline = given.inlineData ?? given.inline_data;
  if (inline) return media(inline.mimeType ?? inline.mime_type, inline.data);
  if (given.thought && given.text) return { kind: "thinking", text: given.text };
  return BY_TYPE[given.type]?.(given) ?? (typeof given.text === "string" ? { kind: "text", text: given.text } : { kind: "json", value: given });
}

const BY_TYPE = {
  refusal: ({ refusal }) => ({ kind: "text", text: refusal }),
  thinking: ({ thinking }) => ({ kind: "thinking", text: thinking }),
  redacted_thinking: () => ({ kind: "thinking", text: "(redacted by the provider)" }),
  image_url: ({ image_url: image }) => picture(image?.url ?? image),
  input_image: ({ image_url: image }) => picture(image),
  image: ({ source }) => (source?.type === "base64" ? media(source.media_type, source.data) : picture(source?.url)),
  input_audio: ({ input_audio: audio }) => ({ kind: "file", name: `audio (${audio?.format ?? "unknown"})` }),
  document: ({ title, source }) => ({ kind: "file", name: title ?? source?.media_type ?? "document" }),
  input_file: ({ filename, file_id: id }) => ({ kind: "file", name: filename ?? id ?? "file" }),
  file: ({ file }) => ({ kind: "file", name: file?.filename ?? file?.file_id ?? "file" }),
  tool_use: ({ id, name, input }) => toolCall(id, name, input),
  tool_result: ({ tool_use_id: id, content }) => ({ kind: "result", id, parts: parts(content) }),
};

function toolCall(id, name, given) {
  const value = typeof given === "string" ? (parse(given) ?? given) : given;
  return { kind: "call", id: id ?? "", name: name ?? "tool", value };
}

function media(type, data) {
  return /^image\/(png|jpeg|gif|webp)$/.test(type ?? "") ? { kind: "image", source: `data:${type};base64,${data}` } : { kind: "file", name: type ?? "file" };
}

// Only what is in the body itself is shown: a picture elsewhere would tell its server who reads this page.
function picture(url) {
  const text = String(url ?? "");
  return /^data:image\/(png|jpeg|gif|webp);base64,/.test(text) ? { kind: "image", source: text } : { kind: "file", name: text || "image" };
}

function tools(body) {
  const groups = body?.tools ?? [];
  const each = Array.isArray(groups) ? groups.flatMap((tool) => tool.functionDeclarations ?? tool.function_declarations ?? [tool.function ?? tool]) : [];
  return each.map((tool) => ({ name: tool.name ?? tool.type ?? "tool", description: tool.description ?? "", schema: tool.parameters ?? tool.input_schema ?? null }));
}

const SHOWN_ELSEWHERE = new Set(["messages", "contents", "input", "prompt", "system", "instructions", "systemInstruction", "tools", "model"]);

function settings(body) {
  return Object.entries(body ?? {}).filter(([name, value]) => !SHOWN_ELSEWHERE.has(name) && value !== null)
    .map(([name, value]) => [name, typeof value === "object" ? JSON.stringify(value) : String(value)]);
}
