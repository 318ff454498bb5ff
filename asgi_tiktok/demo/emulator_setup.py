"""Create the emulator for one app and a config file."""

from dataclasses import replace
from pathlib import Path

from asgi_tiktok.emulator import CAST, App, ConfigError, Emulator, ProductionRefused
from asgi_tiktok.emulator.world.config import read_config
from asgi_tiktok.errors import ConfigurationError


def new_emulator(app: App, *, webhook_url: str = "", config: Path | None = None) -> Emulator:
    """Return an emulator with the app, and with the apps, people and knobs of the config file.

    Raises ConfigurationError for a file that cannot be used, and in production.
    """
    app = replace(app, webhook_url=app.webhook_url or webhook_url)
    try:
        if config is None:
            return Emulator([app])
        read = read_config(config)
        others = [other for other in read.apps if other.client_key != app.client_key]
        own = [other for other in read.apps if other.client_key == app.client_key]
        return Emulator([*(own or [app]), *others], read.people or CAST, **read.knobs)
    except (ConfigError, ProductionRefused) as error:
        raise ConfigurationError(str(error)) from None
