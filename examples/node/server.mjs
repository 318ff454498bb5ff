// Sign in with TikTok by Auth.js. Without TIKTOK_BASE_URL, it uses the real TikTok.
//
//     asgi-tiktok emulator --config emulator.toml
//     npm ci
//     TIKTOK_BASE_URL=http://127.0.0.1:8700 npm start
//
// Then open http://localhost:3000

import { randomBytes } from "node:crypto";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { Auth } from "@auth/core";
import TikTok from "@auth/core/providers/tiktok";

const { TIKTOK_BASE_URL, PORT = "3000" } = process.env;
const origin = `http://localhost:${PORT}`;
const website = TIKTOK_BASE_URL ?? "https://www.tiktok.com";
const api = TIKTOK_BASE_URL ?? "https://open.tiktokapis.com";
const config = {
  basePath: "/auth",
  trustHost: true,
  secret: process.env.AUTH_SECRET ?? randomBytes(32).toString("hex"),
  providers: [
    TikTok({
      clientId: process.env.TIKTOK_CLIENT_KEY ?? "sbemulatorclientkey",
      clientSecret: process.env.TIKTOK_CLIENT_SECRET ?? "emulator-client-secret-opens-nothing",
      authorization: { url: `${website}/v2/auth/authorize/` },
      token: `${api}/v2/oauth/token/`,
      userinfo: `${api}/v2/user/info/?fields=open_id,avatar_url,display_name`,
    }),
  ],
};

createServer(async (incoming, outgoing) => {
  const body = incoming.method === "POST" ? await text(incoming) : undefined;
  const request = new Request(origin + incoming.url, { method: incoming.method, headers: incoming.headers, body });
  const response = incoming.url.startsWith("/auth/") ? await signIn(request) : await home(request);
  outgoing.writeHead(response.status, { ...Object.fromEntries(response.headers), "set-cookie": response.headers.getSetCookie() });
  outgoing.end(Buffer.from(await response.arrayBuffer()));
}).listen(Number(PORT), process.env.HOST ?? "localhost", () => console.log(`Open ${origin}`));

async function signIn(request) {
  const response = await Auth(request, config);
  const location = response.headers.get("location");
  if (location?.startsWith(`${website}/v2/auth/authorize/`)) response.headers.set("location", withHexChallenge(location));
  return response;
}

/** On localhost, TikTok expects the hexadecimal digits of the SHA-256, but Auth.js writes them as RFC 7636 says. */
function withHexChallenge(location) {
  const url = new URL(location);
  const challenge = Buffer.from(url.searchParams.get("code_challenge"), "base64url");
  url.searchParams.set("code_challenge", challenge.toString("hex"));
  return url.href;
}

async function home(request) {
  const headers = { cookie: request.headers.get("cookie") ?? "" };
  const session = await (await Auth(new Request(`${origin}/auth/session`, { headers }), config)).json();
  const name = escape(session?.user?.name ?? "");
  const page = name ? `<p>Hello, ${name}!</p><a href="/auth/signout">Sign out</a>` : '<a href="/auth/signin">Sign in</a>';
  return new Response(`<!doctype html><title>Auth.js and TikTok</title>${page}`, { headers: { "content-type": "text/html; charset=utf-8" } });
}

function escape(text) {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
