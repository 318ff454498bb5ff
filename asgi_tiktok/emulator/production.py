"""The one place an emulator must never run: it signs anybody in as anybody."""

import os
from collections.abc import Mapping

__all__ = ["VARIABLES", "ProductionRefused", "refuse_production"]

VARIABLES = ("TIKTOK_ENV", "APP_ENV", "ENVIRONMENT", "ENV", "NODE_ENV")
PRODUCTION_VALUES = ("production", "prod")


class ProductionRefused(RuntimeError):
    """The environment says that this is production."""


def refuse_production(environment: Mapping[str, str] = os.environ) -> None:
    """Raise ProductionRefused when a variable says that this is production."""
    for name in VARIABLES:
        value = environment.get(name, "")
        if value.strip().lower() in PRODUCTION_VALUES:
            raise ProductionRefused(
                f"{name}={value}: the emulator signs anybody in, so it does not run in production; use the real "
                f"TikTok there, or unset {name} on your own machine."
            )
