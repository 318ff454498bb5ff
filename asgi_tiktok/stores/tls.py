"""TLS settings for drivers that have no options for certificates in their URLs."""

import ssl
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from asgi_tiktok.errors import ConfigurationError


@dataclass(frozen=True)
class TLSFiles:
    """The files of an authority, of a client's certificate and of its key. None: not given."""

    authority: str | None = None
    certificate: str | None = None
    key: str | None = None

    @classmethod
    def of(cls, options: dict[str, str], names: str) -> "TLSFiles":
        """Remove the three options from the URL's options. Raises ConfigurationError for a file that is missing."""
        for name in names.split():
            if name in options and options[name] != "system" and not Path(options[name]).is_file():
                raise ConfigurationError(
                    f"The file in the option {name!r} of the database's URL does not exist.",
                    hint="Correct the path, or remove the option.",
                )
        return cls(*(options.pop(name, None) for name in names.split()))

    @property
    def any(self) -> bool:
        return bool(self.authority or self.certificate or self.key)


def tls_context(files: TLSFiles, *, verify: bool, check_hostname: bool) -> ssl.SSLContext:
    """Return a context that trusts the given authority, or without one those of the operating system.

    Authorities of the operating system certify every host name, so with them the host name is always checked.
    """
    with suppress(ssl.SSLError, OSError):
        own = files.authority if files.authority != "system" else None
        context = ssl.create_default_context(cafile=own)
        context.check_hostname = verify and (check_hostname or own is None)
        context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
        if files.certificate:
            # Without a password, OpenSSL would ask for it on the terminal.
            context.load_cert_chain(files.certificate, files.key, password=lambda: "")
        return context
    # Raised here, so that OpenSSL's error is not its context.
    raise ConfigurationError(
        "A certificate or key in the database's URL cannot be read.",
        hint="Use PEM files that the app may read, and a key without a password.",
    )
