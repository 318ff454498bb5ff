"""The method of `TikTok` that reads a user's profile again, and its setting."""

from asgi_tiktok.accounts.hooks import check_not_signing_in
from asgi_tiktok.accounts.profiles import MIN_AGE, Profiles
from asgi_tiktok.accounts.token_methods import TokenMethods
from asgi_tiktok.models import TikTokUser
from asgi_tiktok.validation import check_number


class ProfileMethods(TokenMethods):
    """Reads profiles."""

    _profiles: Profiles

    async def refresh_user(self, open_id: str) -> TikTokUser:
        """Read the user's profile again, and update the user's sessions with it, in all workers.

        Returns the fields that the user's token grants. Each session gets those that its own login was granted.

        Args:
            open_id (str): The user's `open_id`.

        Raises:
            LoginRequired: Only a new login can help. The sessions stay. Also within `on_login`, whose user is fresh.
            Unavailable: TikTok cannot be reached.
            APIError: TikTok refused to return the profile.
            ConfigurationError: No tokens are kept: `TikTok(keep_tokens=False)`.
            StoreError: The store is unavailable.
        """
        check_not_signing_in(open_id)
        self._check_tokens_are_kept("refresh_user()")
        return await self._profiles.read(open_id)

    def _new_profiles(self, max_age: int | None) -> Profiles:
        if max_age is not None:
            check_number("profile_max_age", max_age, at_least=MIN_AGE, unit="seconds")
            self._check_tokens_are_kept("profile_max_age")
        return Profiles(self._sessions, self._tokens, self._client, self._events, max_age=max_age)
