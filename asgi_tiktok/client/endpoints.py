"""Where TikTok lives."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.validation import check_string, split_url, without_password

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The addresses of one TikTok. Trailing slashes matter: without them TikTok's gateway answers 404."""

    authorization: str
    token: str
    revocation: str
    user_info: str
    api: str

    @property
    def issuer(self) -> str:
        """The origin of the authorization endpoint (RFC 9207 §2)."""
        parts = urlsplit(self.authorization)
        return f"{parts.scheme}://{parts.netloc}"

    @classmethod
    def at(cls, base_url: str) -> Self:
        """All of TikTok behind one origin, as the emulator serves it.

        Raises ConfigurationError for anything but an https origin or an http origin on loopback.
        """
        origin = check_string("base_url", base_url, "Write one origin, for example http://127.0.0.1:8700.").rstrip(
            "/"
        )
        parts, _ = split_url("base_url", origin)
        secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)
        more = parts.path or parts.query or parts.fragment or parts.username is not None
        if not secure or not parts.hostname or more:
            raise ConfigurationError(
                f"base_url={without_password(base_url)!r} is not an origin to trust with a secret; give scheme "
                "and host alone, https anywhere or http on loopback, such as http://127.0.0.1:8700."
            )
        return cls(
            authorization=f"{origin}/v2/auth/authorize/",
            token=f"{origin}/v2/oauth/token/",
            revocation=f"{origin}/v2/oauth/revoke/",
            user_info=f"{origin}/v2/user/info/",
            api=origin,
        )


TIKTOK = Endpoints(
    authorization="https://www.tiktok.com/v2/auth/authorize/",
    token="https://open.tiktokapis.com/v2/oauth/token/",  # noqa: S106 -- an address
    revocation="https://open.tiktokapis.com/v2/oauth/revoke/",
    user_info="https://open.tiktokapis.com/v2/user/info/",
    api="https://open.tiktokapis.com",
)
