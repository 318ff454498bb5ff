// Sign in with arctic, read the profile, refresh and revoke.

import { TikTok, generateCodeVerifier, generateState } from "arctic";
import { approve, emulate, report, task } from "./tiktok.mjs";

const { emulator, client_key, client_secret, redirect_uri, person, scopes } = await task();
const send = emulate(emulator);

await report(async () => {
  const tiktok = new TikTok(client_key, client_secret, redirect_uri);
  const state = generateState();
  const codeVerifier = generateCodeVerifier();
  const callback = await approve(send, emulator, tiktok.createAuthorizationURL(state, codeVerifier, scopes), { person, scopes });
  if (callback.searchParams.get("state") !== state) throw new Error("the state does not match");
  const tokens = await tiktok.validateAuthorizationCode(callback.searchParams.get("code"), codeVerifier);
  const name = await displayName(tokens.accessToken());
  const renewed = await tiktok.refreshAccessToken(tokens.refreshToken());
  const again = await displayName(renewed.accessToken());
  await tiktok.revokeToken(renewed.accessToken());
  return { name, again, after_revocation: await displayName(renewed.accessToken()) };
});

// arctic has no function for this request. This one is from its documentation.
async function displayName(accessToken) {
  const response = await fetch("https://open.tiktokapis.com/v2/user/info/?fields=open_id,display_name", {
    headers: { Authorization: `Bearer ${accessToken}` },
  });
  const { data, error } = await response.json();
  return data.user?.display_name ?? error.code;
}
