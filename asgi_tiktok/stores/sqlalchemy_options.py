"""The options in a database's URL: translated for its driver, or refused.

Hosting companies write the options of libpq, of MySQL's own clients and of ORMs, but each Python driver has its own.
An option that the driver does not know would be accepted at start, and would make every request fail.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.engine import URL

from asgi_tiktok.errors import ConfigurationError
from asgi_tiktok.stores.tls import TLSFiles, tls_context

CONNECT_TIMEOUT = 2  # seconds
POOL_SIZE = 5  # connections for each event loop
YES = ("1", "true", "yes", "on")
NO = ("0", "false", "no", "off")
SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
MYSQL_SSL_MODES = ("disabled", "required", "verify_ca", "verify_identity")
WRITABLE = ("any", "primary", "read-write")
CHANNEL_BINDING = (
    "asyncpg has no channel binding: remove channel_binding, and write sslmode=verify-full&sslrootcert=system, which "
    "checks the server too. psycopg (postgresql+psycopg://) has it."
)


@dataclass(frozen=True)
class EngineSettings:
    """A database, and how to connect to it."""

    url: URL = field(repr=False)
    connect_args: Mapping[str, Any] = field(default_factory=dict, repr=False)
    pool_size: int = POOL_SIZE
    pgbouncer: bool = False


def read_options(url: URL) -> EngineSettings:
    """Return the settings that the URL's options describe. Raises ConfigurationError for one that cannot work."""
    options = {name: value if isinstance(value, str) else value[-1] for name, value in url.query.items()}
    driver = url.get_driver_name()
    pool_size = number("pool_size", options.pop("pool_size", str(POOL_SIZE)), int, at_least=1)
    pgbouncer = url.get_backend_name() == "postgresql" and flag("pgbouncer", options.pop("pgbouncer", "0"))
    if driver not in TRANSLATIONS:
        timeout = {"timeout": CONNECT_TIMEOUT} if driver == "aiosqlite" and "timeout" not in options else {}
        return EngineSettings(url.set(query=options), timeout, pool_size, pgbouncer)
    # Several hosts, each with a port, are part of the address.
    hosts = {name: url.query[name] for name in ("host", "port") if options.pop(name, None) is not None}
    return EngineSettings(url.set(query=hosts), TRANSLATIONS[driver](options), pool_size, pgbouncer)


def asyncpg_arguments(options: dict[str, str]) -> dict[str, Any]:
    arguments = {"timeout": CONNECT_TIMEOUT, **convert(options, ASYNCPG)}
    settings = dict(server_settings(options.pop("options", "")))
    for option, setting in (("application_name", "application_name"), ("schema", "search_path")):
        if option in options:
            settings[setting] = options.pop(option)
    if settings:
        arguments["server_settings"] = settings
    if "connect_timeout" in options:
        timeout = number("connect_timeout", options.pop("connect_timeout"), float)
        arguments["timeout"] = timeout or CONNECT_TIMEOUT  # libpq's 0 has no limit
    if "target_session_attrs" in options:
        fix = "The store writes: write target_session_attrs=read-write."
        arguments["target_session_attrs"] = choice("target_session_attrs", options, WRITABLE, fix)
    choice("channel_binding", options, ("prefer", "disable"), CHANNEL_BINDING)
    choice("gssencmode", options, ("prefer", "disable"), "asyncpg does not encrypt with GSSAPI: remove gssencmode.")
    arguments |= asyncpg_tls(options)
    refuse_rest("asyncpg", options)
    return arguments


def asyncpg_tls(options: dict[str, str]) -> dict[str, Any]:
    mode = options.pop("sslmode", options.pop("ssl", ""))
    mode = {**dict.fromkeys(YES, "require"), **dict.fromkeys(NO, "disable"), "no-verify": "require"}.get(mode, mode)
    if mode and mode not in SSL_MODES:
        raise refusal("sslmode", f"Write one of these: {', '.join(SSL_MODES)}.")
    encrypted = mode in ("require", "verify-ca", "verify-full")
    direct = choice("sslnegotiation", options, ("postgres", "direct"), "Write postgres or direct.") == "direct"
    files = TLSFiles.of(options, "sslrootcert sslcert sslkey")
    if (direct or files.any) and not encrypted and mode != "disable":
        raise refusal("sslmode", "Write sslmode=verify-full, because the other options need TLS.")
    arguments: dict[str, Any] = {"direct_tls": True} if direct else {}
    if encrypted and (files.any or mode != "require"):
        # As in libpq, the certificate of an authority makes "require" check the server's certificate.
        verify = mode != "require" or files.authority is not None
        return {**arguments, "ssl": tls_context(files, verify=verify, check_hostname=mode == "verify-full")}
    return {**arguments, "ssl": mode} if mode else arguments


def mysql_arguments(options: dict[str, str]) -> dict[str, Any]:
    arguments = {"connect_timeout": CONNECT_TIMEOUT, **convert(options, MYSQL)}
    for old, new in (("ssl-mode", "ssl_mode"), ("sslmode", "ssl_mode"), ("ssl-ca", "ssl_ca"), ("ssl", "ssl_mode")):
        if old in options:
            options[new] = options.pop(old)
    mode = options.pop("ssl_mode", "").lower().replace("-", "_")
    mode = {**dict.fromkeys(YES, "required"), **dict.fromkeys(NO, "disabled"), "require": "required"}.get(mode, mode)
    if '"rejectunauthorized":true' in mode.replace(" ", "") or options.get("sslaccept") == "strict":
        mode = "verify_identity"
    options.pop("sslaccept", None)
    files = TLSFiles.of(options, "ssl_ca ssl_cert ssl_key")
    hostname = flag("ssl_check_hostname", options.pop("ssl_check_hostname", "1"))
    mode = mode or ("" if not files.any else "required" if not files.authority else "verify_identity")
    if mode and mode not in MYSQL_SSL_MODES:
        raise refusal("ssl-mode", f"Write one of these: {', '.join(MYSQL_SSL_MODES).upper()}.")
    if mode and mode != "disabled":
        verify = mode.startswith("verify")
        check_hostname = mode == "verify_identity" and hostname
        arguments["ssl"] = tls_context(files, verify=verify, check_hostname=check_hostname)
    refuse_rest("this driver", options)
    return arguments


def psycopg_arguments(options: dict[str, str]) -> dict[str, Any]:
    from psycopg import ProgrammingError, conninfo

    with suppress(ProgrammingError):
        conninfo.make_conninfo(**options)  # libpq knows its options
        fix = "The store writes: write target_session_attrs=read-write."
        choice("target_session_attrs", dict(options), WRITABLE, fix)
        return {"connect_timeout": CONNECT_TIMEOUT, **options}
    raise ConfigurationError(
        "psycopg does not accept an option in the database's URL.", hint="Remove it. The options are those of libpq."
    )


TRANSLATIONS: dict[str, Callable[[dict[str, str]], dict[str, Any]]] = {
    "asyncpg": asyncpg_arguments,
    "asyncmy": mysql_arguments,
    "aiomysql": mysql_arguments,
    "psycopg": psycopg_arguments,
}
ASYNCPG: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("user", "password", "database", "passfile", "service", "servicefile"), str),
    **dict.fromkeys(("krbsrvname", "gsslib"), str),
    **dict.fromkeys(("timeout", "command_timeout"), float),
    **dict.fromkeys(("statement_cache_size", "prepared_statement_cache_size", "max_cached_statement_lifetime"), int),
    "max_cacheable_statement_size": int,
}
MYSQL: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("user", "password", "charset", "unix_socket", "init_command", "sql_mode"), str),
    **dict.fromkeys(("read_default_file", "read_default_group", "server_public_key"), str),
    **dict.fromkeys(("connect_timeout", "read_timeout"), int),
}


def convert(options: dict[str, str], types: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    """Remove the driver's own options, and return them in the types that it needs."""
    own = {name: types[name] for name in list(options) if name in types}
    return {
        name: options.pop(name) if type_ is str else number(name, options.pop(name), type_)
        for name, type_ in own.items()
    }


def number(option: str, value: str, type_: Callable[[str], Any], *, at_least: int = 0) -> Any:
    try:
        converted = type_(value)
    except ValueError:
        converted = -1
    if converted < at_least:
        raise refusal(option, f"Write a number from {at_least}.")
    return converted


def flag(option: str, value: str) -> bool:
    if value.lower() not in (*YES, *NO):
        raise refusal(option, f"Write {option}=1 or {option}=0.")
    return value.lower() in YES


def choice(option: str, options: dict[str, str], values: tuple[str, ...], fix: str) -> str | None:
    """Remove the option and return its value, or None if it is not there."""
    value = options.pop(option, None)
    if value is not None and value not in values:
        raise refusal(option, fix)
    return value


def server_settings(options: str) -> list[tuple[str, str]]:
    """Return the settings in libpq's `options`, for example `-c search_path=app`, or a host's own words unchanged."""
    words = options.replace("-c ", "-c").split()
    if not all(word.startswith(("-c", "--")) for word in words):
        return [("options", options)]
    pairs = [word.removeprefix("-c").removeprefix("--").partition("=") for word in words]
    if not all(name and value for name, _, value in pairs):
        raise refusal("options", "Write options=-c%20name%3Dvalue.")
    return [(name.replace("-", "_"), value) for name, _, value in pairs]


def refuse_rest(driver: str, options: Mapping[str, str]) -> None:
    for option in options:
        raise refusal(option, f"Remove it: {driver} has no such option. pool_size sets the number of connections.")


def refusal(option: str, fix: str) -> ConfigurationError:
    return ConfigurationError(f"The option {option!r} in the database's URL cannot be used.", hint=fix)
