// Sign in with the routes of @auth/core (Auth.js, NextAuth), and keep the cookies as a browser does.

import { Auth } from "@auth/core";
import TikTok from "@auth/core/providers/tiktok";
import { approve, emulate, report, task } from "./tiktok.mjs";

const { emulator, client_key, client_secret, redirect_uri, person, scopes, checks } = await task();
const send = emulate(emulator);
const errors = [];
const config = {
  providers: [TikTok({ clientId: client_key, clientSecret: client_secret, ...(checks && { checks }) })],
  secret: "a-secret-of-the-interop-tests-only",
  trustHost: true,
  basePath: "/auth",
  logger: { error: (error) => errors.push(error.cause?.err?.message ?? error.message), warn() {}, debug() {} },
};
const origin = new URL(redirect_uri).origin;
const cookies = new Map();

await report(async () => {
  const { csrfToken } = await (await visit("/auth/csrf")).json();
  const begun = await visit("/auth/signin/tiktok", new URLSearchParams({ csrfToken, callbackUrl: origin }));
  const callback = await approve(send, emulator, begun.headers.get("location"), { person, scopes });
  const done = await visit(callback.pathname + callback.search);
  const session = await (await visit("/auth/session")).json();
  return { name: session?.user.name, redirect: done.headers.get("location"), errors };
});

async function visit(path, body) {
  const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  const method = body ? "POST" : "GET";
  const response = await Auth(new Request(origin + path, { method, body, headers: { cookie } }), config);
  for (const line of response.headers.getSetCookie()) {
    const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
    if (/max-age=0/i.test(line) || !value) cookies.delete(name);
    else cookies.set(name, value);
  }
  return response;
}
