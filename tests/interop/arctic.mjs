// arctic: sign in, read the profile, refresh, revoke.

import { TikTok, generateCodeVerifier, generateState } from "arctic";
import { agree, emulate, report, task } from "./tiktok.mjs";

const { emulator, client_key, client_secret, redirect_uri, person, scopes } = await task();
const send = emulate(emulator);

await report(async () => {
  const tiktok = new TikTok(client_key, client_secret, redirect_uri);
  const state = generateState();
  const codeVerifier = generateCodeVerifier();
  const back = await agree(send, emulator, tiktok.createAuthorizationURL(state, codeVerifier, scopes), { person, scopes });
  if (back.searchParams.get("state") !== state) throw new Error("another state came back");
  const tokens = await tiktok.validateAuthorizationCode(back.searchParams.get("code"), codeVerifier);
  const name = await displayName(tokens.accessToken());
  const renewed = await tiktok.refreshAccessToken(tokens.refreshToken());
  const again = await displayName(renewed.accessToken());
  await tiktok.revokeToken(renewed.accessToken());
  return { name, again, afterwards: await displayName(renewed.accessToken()) };
});

// arctic leaves this call to its users; this is the one of its documentation.
async function displayName(accessToken) {
  const answer = await fetch("https://open.tiktokapis.com/v2/user/info/?fields=open_id,display_name", {
    headers: { Authorization: `Bearer ${accessToken}` },
  });
  const { data, error } = await answer.json();
  return data.user?.display_name ?? error.code;
}
