"""Refusal to run in production, because the emulator signs in anybody as anybody."""

import os
from collections.abc import Mapping

__all__ = ["VARIABLES", "ProductionRefused", "refuse_production"]

VARIABLES = ("TIKTOK_ENV", "APP_ENV", "ENVIRONMENT", "ENV", "NODE_ENV")
PRODUCTION_VALUES = ("production", "prod")


class ProductionRefused(RuntimeError):
    """The emulator was started in production."""


def refuse_production(environment: Mapping[str, str] = os.environ) -> None:
    """Raise ProductionRefused if a variable says that this is production."""
    for name in VARIABLES:
        value = environment.get(name, "")
        if value.strip().lower() in PRODUCTION_VALUES:
            raise ProductionRefused(
                f"{name}={value}: the emulator does not run in production, because it signs in anybody. Use the real "
                f"TikTok, or unset {name} on your own machine."
            )
