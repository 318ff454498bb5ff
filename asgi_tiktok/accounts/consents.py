"""What a user granted at one login, and which of several consents is used."""

import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from asgi_tiktok.client.responses import MAX_RETRY_AFTER
from asgi_tiktok.clock import CLOCK_SKEW, is_recent
from asgi_tiktok.models import Token

REFRESH_EARLY = 120  # seconds before its expiry at which a token is refreshed
REFRESH_EARLY_SHARE = 0.25  # of the token's lifetime, at most
RESEND_AFTER = 70  # seconds: the 60 that a refresh waits for TikTok's response, and 10 for clocks that differ


@dataclass(frozen=True, slots=True)
class Consent:
    """One login's consent, with its current token. Times are seconds since the epoch.

    Attributes:
        token (Token): The token.
        consented_at (float): The time of the login.
        issued_at (float): The time at which TikTok issued the token.
        sent_at (float | None): The time at which the refresh token was last sent to TikTok without a result.
        retry_at (float | None): The time before which the refresh token must not be sent again.
    """

    token: Token
    consented_at: float
    issued_at: float
    sent_at: float | None = None
    retry_at: float | None = None

    def is_fresh(self, rejected: str | None) -> bool:
        """Return whether the token needs no refresh, and its access token is not the rejected one."""
        lifetime = max(self.token.expires_at - self.issued_at, 0)
        lead = min(REFRESH_EARLY, lifetime * REFRESH_EARLY_SHARE)
        return self.token.access_token != rejected and self.token.expires_at - time.time() > lead

    def is_valid(self, *rejected: str | None) -> bool:
        """Return whether the access token has not expired, and is none of the rejected ones."""
        return self.token.access_token not in rejected and self.token.expires_at > time.time()

    @property
    def is_paused(self) -> bool:
        """Whether the refresh token must not be sent now."""
        was_sent = self.sent_at is not None and is_recent(self.sent_at, RESEND_AFTER)
        return was_sent or (
            self.retry_at is not None and 0 < self.retry_at - time.time() < MAX_RETRY_AFTER + CLOCK_SKEW
        )


def is_later(consented_at: float, event_time: float) -> bool:
    """Return whether a consent is certainly later than an event at TikTok.

    The clocks may differ. In doubt the consent is the earlier one, because its user may have withdrawn it: to sign in
    again is a smaller harm than to stay signed in after that.
    """
    return consented_at > event_time + CLOCK_SKEW


def merge(login: Consent, stored: Iterable[Consent]) -> tuple[Consent, ...]:
    """Return the consents to keep after a login, the one with the most scopes first.

    An earlier consent is kept if it has scopes that no other consent has, so no login loses a scope.
    """
    kept = [login]
    for consent in sorted(stored, key=richness, reverse=True):
        if not scopes_of([consent]) <= scopes_of(kept):
            kept.append(consent)
    return tuple(sorted(kept, key=richness, reverse=True))


def richness(consent: Consent) -> tuple[int, float]:
    return len(consent.token.scopes), consent.consented_at


def best_for(scopes: Collection[str], consents: Iterable[Consent]) -> Consent:
    """Return the consent that has most of these scopes: of several, the first."""
    return max(consents, key=lambda consent: len(set(scopes) & set(consent.token.scopes)))


def scopes_of(consents: Iterable[Consent]) -> frozenset[str]:
    """Return the scopes that at least one of the consents has."""
    return frozenset(scope for consent in consents for scope in consent.token.scopes)
