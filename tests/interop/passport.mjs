// Sign in with the strategy of passport-tiktok-auth, with a request and a session like those of Express.

import passportTikTok from "passport-tiktok-auth";
import { approve, report, task } from "./tiktok.mjs";

const { emulator, client_key, client_secret, redirect_uri, person, scopes, pkce } = await task();

await report(async () => {
  const strategy = new passportTikTok.Strategy(
    {
      clientID: client_key,
      clientSecret: client_secret,
      callbackURL: redirect_uri,
      scope: scopes,
      state: true,
      pkce,
      authorizationURL: `${emulator}/v2/auth/authorize/`,
      tokenURL: `${emulator}/v2/oauth/token/`,
      profileURL: `${emulator}/v2/user/info/`,
    },
    (accessToken, refreshToken, profile, done) => done(null, profile),
  );
  const session = {};
  const { redirected } = await authenticate(strategy, { query: {}, session });
  const callback = await approve(fetch, emulator, redirected, { person, scopes });
  const { profile } = await authenticate(strategy, { query: Object.fromEntries(callback.searchParams), session });
  return { id: profile.id, name: profile.displayName, followers: profile.followerCount };
});

/** Run a strategy as Passport does. */
function authenticate(strategy, request) {
  return new Promise((resolve, reject) => {
    const run = Object.create(strategy);
    run.redirect = (redirected) => resolve({ redirected });
    run.success = (profile) => resolve({ profile });
    run.fail = (why) => reject(new Error(`failed: ${JSON.stringify(why)}`));
    run.error = (error) => reject(error.oauthError ? new Error(error.oauthError.data) : error);
    run.authenticate(request, {});
  });
}
