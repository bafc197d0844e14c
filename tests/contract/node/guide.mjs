// The guide's examples with OpenAI's own package; nothing but the base URL and the headers is set.
import OpenAI from "openai";

const messages = [{ role: "user", content: `How do I enable retries? ${process.env.SALT}` }];

async function ask(headers, body = {}) {
  const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: "sk-test", defaultHeaders: headers });
  const { data, response } = await client.chat.completions
    .create({ model: "gpt-4o-mini", messages, ...body })
    .withResponse();
  return { headers: Object.fromEntries(response.headers), model: data.model, text: data.choices?.[0].message.content };
}

const told = {};

told.properties = await ask({
  "Helicone-Property-Session": "121",
  "Helicone-Property-App": "mobile",
  "Helicone-User-Id": "alice@example.com",
});

const cache = { "Helicone-Cache-Enabled": "true", "Cache-Control": "max-age=3600" };
told.first = await ask(cache);
told.second = await ask(cache);

told.retried = await ask({
  "Helicone-Retry-Enabled": "true",
  "Helicone-Retry-Num": "3",
  "Helicone-Retry-Factor": "2",
  "x-simulate": `status=429; retry_after_ms=200; fail_times=2; key=retry-${process.env.SALT}`,
});

told.fallback = {};
for (const status of [429, 500, 503]) {
  told.fallback[status] = await ask(
    {
      "Helicone-Fallback-Model": "gpt-4o-mini",
      "Helicone-Fallback-OnCodes": "429,500,503",
      "x-simulate": `status=${status}; fail_times=1; key=fallback-${status}-${process.env.SALT}`,
    },
    { model: "gpt-4o" },
  );
}

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: "sk-test" });
told.streamed = "";
for await (const part of await client.chat.completions.create({ model: "gpt-4o-mini", messages, stream: true })) {
  told.streamed += part.choices[0]?.delta.content ?? "";
}

console.log(JSON.stringify(told));
