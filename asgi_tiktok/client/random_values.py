"""The random values of a login, from the operating system's generator."""

import secrets

__all__ = ["generate_code_verifier", "generate_state"]


def generate_state() -> str:
    """Return a fresh `state` of 43 characters, for one login of one browser (RFC 6749 §10.12)."""
    return secrets.token_urlsafe(32)


def generate_code_verifier() -> str:
    """Return a fresh `code_verifier` of 43 unreserved characters, for one login (RFC 7636 §4.1)."""
    return secrets.token_urlsafe(32)
