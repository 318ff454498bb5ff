// Shared by all drivers: requests to TikTok's hosts that reach the emulator, and a person who agrees.

import { text } from "node:stream/consumers";

const HOSTS = ["https://www.tiktok.com", "https://open.tiktokapis.com"];

/** The task that the test has passed on stdin. */
export async function task() {
  return JSON.parse(await text(process.stdin));
}

/** Make `fetch` send requests for TikTok's hosts to the emulator. Only the host of a request is changed. */
export function emulate(emulator) {
  const send = globalThis.fetch;
  globalThis.fetch = (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    if (!HOSTS.includes(url.origin)) throw new Error(`${url.origin} is not a host of TikTok`);
    return send(new Request(new URL(url.pathname + url.search, emulator), request));
  };
  return send;
}

/** Open TikTok's page and agree, as a browser does; return the redirect. */
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

/** TikTok shows its own error page instead of redirecting. */
export class Refused extends Error {
  constructor(location) {
    const fault = new URLSearchParams(location.split("?")[1]);
    super(`${fault.get("error")} ${fault.get("error_type")}`);
  }
}

/** Print the result of a driver, or the error that the library has thrown. */
export async function report(drive) {
  try {
    console.log(JSON.stringify(await drive()));
  } catch (error) {
    console.log(JSON.stringify({ failed: `${error.constructor.name}: ${error.message}` }));
  }
}
