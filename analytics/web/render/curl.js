// A call as a command for a shell: what was sent, and who sent it, but never a key.

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

export function curl(call, gateway) {
  const lines = [`curl ${quoted(gateway + call.path)}`, "-H 'Content-Type: application/json'"];
  lines.push(call.endpoint.startsWith("messages")
    ? "-H \"x-api-key: $TALLYGATE_KEY\" -H 'anthropic-version: 2023-06-01'" : "-H \"Authorization: Bearer $TALLYGATE_KEY\"");
  const headers = [["User-Id", call.user_id], ["Session-Id", call.session_id], ["Session-Name", call.session_name], ["Session-Path", call.session_path],
    ...Object.entries(call.properties).map(([name, value]) => [`Property-${name}`, value])];
  for (const [name, value] of headers) if (value) lines.push(`-H ${quoted(`Tallygate-${name}: ${value}`)}`);
  if (call.method !== "POST") lines.push(`-X ${call.method}`);
  if (call.prompt) lines.push(`-d ${quoted(call.prompt)}`);
  return lines.join(" \\\n  ");
}
