// What every driver needs: TikTok's hosts that are the emulator's, and a person who agrees.

import { text } from "node:stream/consumers";

const HOSTS = ["https://www.tiktok.com", "https://open.tiktokapis.com"];

/** What the test asks for. */
export async function task() {
  return JSON.parse(await text(process.stdin));
}

/** Let `fetch` reach the emulator under TikTok's names; nothing of a request changes but its host. */
export function emulate(emulator) {
  const send = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    if (!HOSTS.includes(url.origin)) throw new Error(`${url.origin} is no host of TikTok's`);
    return send(new Request(new URL(url.pathname + url.search, emulator), request));
  };
  return send;
}

/** What a browser does: opens TikTok's page, presses the button, and is sent back. */
export async function agree(send, emulator, authorizationURL, { person, scopes }) {
  const asked = new URL(authorizationURL);
  const page = new URL(asked.pathname + asked.search, emulator);
  const shown = await send(page, { redirect: "manual" });
  if (shown.status !== 200) throw new Refused(shown.headers.get("location"));
  const form = new URLSearchParams(asked.searchParams);
  form.set("person", person);
  form.set("decision", "approve");
  for (const scope of scopes) form.append("scopes", scope);
  const answer = await send(new URL("/v2/auth/authorize/", emulator), { method: "POST", body: form, redirect: "manual" });
  return new URL(answer.headers.get("location"));
}

/** TikTok kept the browser on its own page. */
export class Refused extends Error {
  constructor(location) {
    const fault = new URLSearchParams(location.split("?")[1]);
    super(`${fault.get("error")} ${fault.get("error_type")}`);
  }
}

/** Print the result of a driver, which may be what the library threw. */
export async function report(drive) {
  try {
    console.log(JSON.stringify(await drive()));
  } catch (error) {
    console.log(JSON.stringify({ failed: `${error.constructor.name}: ${error.message}` }));
  }
}
