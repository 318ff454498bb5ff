// Shared by all drivers: send requests for TikTok's hosts to the emulator, and approve the consent page.

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

/** Approve TikTok's consent page as a browser does, and return the redirect. */
export async function approve(send, emulator, authorizationURL, { person, scopes }) {
  const url = new URL(authorizationURL);
  const page = new URL(url.pathname + url.search, emulator);
  const shown = await send(page, { redirect: "manual" });
  if (shown.status !== 200) throw new Refused(shown.headers.get("location"));
  const form = new URLSearchParams(url.searchParams);
  form.set("person", person);
  form.set("decision", "approve");
  for (const scope of scopes) form.append("scopes", scope);
  const response = await send(new URL("/v2/auth/authorize/", emulator), { method: "POST", body: form, redirect: "manual" });
  return new URL(response.headers.get("location"));
}

/** TikTok shows its own error page instead of redirecting. */
export class Refused extends Error {
  constructor(location) {
    const fault = new URLSearchParams(location.split("?")[1]);
    super(`${fault.get("error")} ${fault.get("error_type")}`);
  }
}

/** Print the result of a driver, or the error that the client has thrown. */
export async function report(drive) {
  try {
    console.log(JSON.stringify(await drive()));
  } catch (error) {
    console.log(JSON.stringify({ failed: `${error.constructor.name}: ${error.message}` }));
  }
}
