"""Every error message says what is wrong and names a fix."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import partial
from inspect import Parameter, signature
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.datastructures import Secret as StarletteSecret

import asgi_tiktok
from asgi_tiktok import (
    AlreadyConnected,
    Cause,
    ConfigurationError,
    ConnectRefused,
    HookFailed,
    LoginDenied,
    LoginError,
    LoginLost,
    LoginRequired,
    RequestRefused,
    ScopeRequired,
    StoreError,
    TikTok,
    TikTokAuthMiddleware,
    TikTokClient,
    TikTokError,
    UpstreamTimeout,
)
from asgi_tiktok.client.callback import read_callback
from asgi_tiktok.client.hints import WORDS
from asgi_tiktok.client.responses import read_api, read_oauth
from asgi_tiktok.crypto.redaction import Secret
from asgi_tiktok.environment import OPTIONAL, REQUIRED
from asgi_tiktok.http.protection import Protection
from asgi_tiktok.routes.messages import BUTTONS, MISCONFIGURED, code_of
from asgi_tiktok.routes.webhooks import check_signature, read_event
from asgi_tiktok.texts.en import TEXTS
from asgi_tiktok.validation import check_scopes
from tests.support.app import app
from tests.support.canaries import SECRET_KEY
from tests.support.settings import REDIRECT_URI
from tests.support.tiktok import new_tiktok

VERBS = (
    "add|change|choose|copy|create|delete|install|leave|make|move|name|open|pass|register|remove|rename|run|send|set|start|try|unset|"
    "use|write"
)
FIX = re.compile(rf"(^|[.,;:}}] |['\"])({VERBS})\b", re.IGNORECASE)
ACTION = re.compile(r"\b(Allow|Ask|Close|Go back|Please|Start|Try|use the button)\b")
CORE = Path(asgi_tiktok.__file__).parent

LONG_URI = "https://app.example.com/" + "c" * 500
REDIRECT_URIS = [
    None,
    "",
    "app.example.com/cb",
    "myapp://cb",
    "http://app.example.com/cb",
    "http://localhost/cb",
    "http://localhost:0/cb",
    "https://app.example.com",
    "https://app.example.com/a/../cb",
    "https://app.example.com/cb?x=1",
    "https://app.example.com/c b",
    "https://app.example.com:x/cb",
    LONG_URI,
]
ADDRESSES = [
    [],
    5,
    b"https://app.example.com/cb",
    {REDIRECT_URI},
    [None],
    [REDIRECT_URI, "http://app.example.com/cb"],
    [REDIRECT_URI, REDIRECT_URI],
    [REDIRECT_URI, f"{REDIRECT_URI}/2"],
    ["https://app.example.com/cb", "https://App.example.com.:443/cb"],
    [f"https://app{number}.example.com/cb" for number in range(11)],
]
"""Bad lists of redirect URIs."""
BASE_URLS = ["", 7, "http://app.example.com", "https://tiktok.test/v2", "http://127.0.0.1:abc", "http://[::1"]
STORES = [
    None,
    object(),
    "",
    "store.sqlite3",
    "sqlite://",
    "sqlite:///:memory:",
    "redis://",
    "redis://[bad",
    "redis://host/zero",
    "mongodb://host",
    "postgresql://host/database",
    "nothing+asyncpg://host/database",
    "postgresql+nothing://host/database",
    "mssql+aioodbc://host/database",
    "postgresql+asyncpg://u:PASS@W0RD:x@host/database",
]
SCOPES = ["user.info.basic", None, [7], [""], ["video_list"], ["everything"], ["user.info.basic video.list"]]


async def async_messages(code: str, locale: str) -> None: ...


BAD_SETTINGS: dict[str, list[Any]] = {
    "client_key": ["", None, 5, "white space", "schlüssel", StarletteSecret("")],
    "client_secret": ["", None, b"x", "secret ", StarletteSecret("white space")],
    "redirect_uri": [*REDIRECT_URIS, *ADDRESSES],
    "secret_key": [
        "",
        None,
        7,
        [],
        [None],
        b"x" * 40,
        "short",
        "x" * 40,
        f"{'changeme' * 4}-12345",
        StarletteSecret(""),
    ],
    "scopes": [*SCOPES, ()],
    "optional_scopes": SCOPES,
    "store": STORES,
    "base_url": BASE_URLS,
    "insecure_base_url": [None, "yes", 1],
    "pkce": ["plain", None],
    "transport": [lambda scope: None, httpx2.HTTPTransport()],
    "trust_env": ["no", None],
    "path": [None, "", "/", "auth", "/auth/"],
    "default_next": [None, "", "https://elsewhere.test", "/auth/tiktok/login"],
    "trusted_origins": [
        None,
        "https://front.example.com",
        ["front.example.com"],
        ["https://front.example.com/"],
        ["https://*.example.com"],
        ["https://Front.example.com"],
        ["https://me@front.example.com"],
        ["https://front.example.com:0"],
        ["https://front.example.com:65536"],
        ["http://front.example.com"],
        ["null"],
    ],
    "native_redirect_uris": [
        None,
        "https://app.example.com/tiktok",
        ["myapp://tiktok"],
        ["http://app.example.com/tiktok"],
        ["https://app.example.com/tik tok"],
        ["https://app.example.com/tiktok?a=1"],
        ["https://me@app.example.com/tiktok"],
        [REDIRECT_URI],
        [LONG_URI],
    ],
    "idle_timeout": [5, "3600", None],
    "absolute_timeout": [0, "3600", None],
    "max_sessions": [0, 1.5, None],
    "session_memory": [-1, 1.5, None],
    "session_memory_bound": [0, "1", True, float("nan")],
    "session_memory_age": [0, -1, None],
    "keep_tokens": ["no", None],
    "profile_max_age": [0, 599, "3600", 3600.0, True],
    "webhook_tolerance": [0, "300", None],
    "qr": ["yes", None, 1],
    "shutdown_grace": [-1, 0.5, "10", None],
    "site_name": ["", 7, "   ", "Reel\nStudio", "x" * 61],
    "logo_url": [
        "",
        7,
        "logo.svg",
        "//cdn.example.com/logo.svg",
        "/\\cdn.example.com/logo.svg",
        "http://cdn.example.com/logo.svg",
        "https://cdn.example.com",
        "https://user:W0RD@cdn.example.com/logo.svg",
        "https://cdn.example.com; script-src *//logo.svg",
        "data:image/png;base64,AAAA",
        "javascript:alert(1)",
        '/logo.svg" onerror="x',
    ],
    "messages": [
        "de",
        ["de"],
        7,
        {"xx": {}},
        {"english": {}},
        {"en-UK": {}},
        {"en_US": {}},
        {"jp": {}},
        {"deu": {}},
        {7: {}},
        {"pt-BR": {}, "pt-br": {}},
        {"de": "Anmelden"},
        {"de": {"expired.titel": "Zu lange"}},
        {"de": {"zzz": "Zu lange"}},
        {"de": {7: "Zu lange"}},
        {"de": {"expired.title": ""}},
        {"de": {"expired.title": None}},
        lambda code: None,
        async_messages,
        dict,
    ],
    "log_open_ids": ["yes", None, 1],
}
"""Bad values of each setting of `TikTok`. A new setting needs an entry here."""

BAD_MIDDLEWARE_SETTINGS: dict[str, list[Any]] = {
    "app": [None, "main:app"],
    "tiktok": ["tiktok", app],
    "protect": ["/studio", None, [7], ["studio"], ["/studio/*"]],
    "skip": ["/static", None, [7], ["static"], ["/static/*"], ["/"]],
    "challenges": ["no", None, 0],
    "public": ["/health", None, [7], ["health"], ["/health?"], ["/health"]],
    "on_error": ["page", 7],
    "websocket_origins": ["https://front.example.com", None, ["front.example.com"], ["https://front.example.com/"]],
    "allow_missing_origin": ["no", None],
    "websocket_recheck": [0, "60", None],
}
"""Bad values of each setting of `TikTokAuthMiddleware`. A new setting needs an entry here."""

BAD_VARIABLES: dict[str, list[str]] = {
    "TIKTOK_CLIENT_KEY": ["", "  ", "white space"],
    "TIKTOK_CLIENT_SECRET": ["", "white space"],
    "TIKTOK_REDIRECT_URI": ["", *(uri for uri in REDIRECT_URIS if uri)],
    "TIKTOK_SECRET_KEY": ["", ",", "short", "x" * 40],
    "TIKTOK_SCOPES": [",", "video_list"],
    "TIKTOK_STORE": [store for store in STORES if isinstance(store, str) and store],
    "TIKTOK_BASE_URL": [url for url in BASE_URLS if isinstance(url, str) and url],
    "TIKTOK_INSECURE_BASE_URL": ["yes", "on"],
}
"""Bad values of each environment variable. A new variable needs an entry here."""

ENVIRONMENT = {
    "TIKTOK_CLIENT_KEY": "awkey",
    "TIKTOK_CLIENT_SECRET": "a-secret",
    "TIKTOK_REDIRECT_URI": REDIRECT_URI,
    "TIKTOK_SECRET_KEY": SECRET_KEY,
    "TIKTOK_STORE": "memory://",
}


def settings_of(cls: Callable[..., object]) -> set[str]:
    return set(signature(cls).parameters)


def pairs(bad: dict[str, list[Any]]) -> list[Any]:
    return [
        pytest.param(setting, value, id=f"{setting}-{number}")
        for setting, values in bad.items()
        for number, value in enumerate(values)
    ]


def assert_names_the_fix(error: ConfigurationError, setting: str) -> None:
    text = str(error)
    assert text.startswith((setting, f"The environment variable {setting}")), text
    assert FIX.search(text), f"no fix in: {text}"
    assert text.endswith((".", "/auth/tiktok/callback", "asgi-tiktok dev main:app", '(32))"')), text


def test_every_setting_has_a_bad_example() -> None:
    assert set(BAD_SETTINGS) == settings_of(TikTok)
    assert settings_of(TikTokClient) <= set(BAD_SETTINGS)
    assert set(BAD_MIDDLEWARE_SETTINGS) == settings_of(TikTokAuthMiddleware)
    assert set(BAD_VARIABLES) == {variable for variable, _ in REQUIRED.values()} | set(OPTIONAL.values())
    environ, overrides = signature(TikTok.from_env).parameters.values()
    assert (environ.name, overrides.kind) == ("environ", Parameter.VAR_KEYWORD)


@pytest.mark.parametrize("scopes", ["user.info.basic video.list", "user.info.basic,video.list"])
def test_string_of_several_scopes_is_split_in_the_fix(scopes: str) -> None:
    with pytest.raises(ConfigurationError, match=r'Write \("user\.info\.basic", "video\.list"\)\.'):
        check_scopes("scopes", scopes)


@pytest.mark.parametrize(("setting", "value"), pairs(BAD_SETTINGS))
def test_bad_setting_of_tiktok_is_named_with_a_fix(setting: str, value: object) -> None:
    settings: dict[str, Any] = {setting: value}
    with pytest.raises(ConfigurationError) as caught:
        new_tiktok(**settings)

    assert_names_the_fix(caught.value, setting)
    assert "W0RD" not in str(caught.value)


@pytest.mark.parametrize(
    ("setting", "value"),
    pairs({setting: values for setting, values in BAD_SETTINGS.items() if setting in settings_of(TikTokClient)}),
)
def test_bad_setting_of_the_client_is_named_with_a_fix(setting: str, value: object) -> None:
    settings: dict[str, Any] = {"client_key": "k", "client_secret": "s", "redirect_uri": REDIRECT_URI, setting: value}
    with pytest.raises(ConfigurationError) as caught:
        TikTokClient(**settings)

    assert_names_the_fix(caught.value, setting)


@pytest.mark.parametrize(("setting", "value"), pairs(BAD_MIDDLEWARE_SETTINGS))
def test_bad_setting_of_the_middleware_is_named_with_a_fix(setting: str, value: object) -> None:
    settings: dict[str, Any] = {"app": app, "tiktok": new_tiktok(), setting: value}
    with pytest.raises(ConfigurationError) as caught:
        TikTokAuthMiddleware(**settings)

    assert_names_the_fix(caught.value, setting)


@pytest.mark.parametrize(("variable", "value"), pairs(BAD_VARIABLES))
def test_bad_environment_variable_is_named_with_a_fix(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TikTok.from_env({**ENVIRONMENT, variable: value})

    assert_names_the_fix(caught.value, variable)


@pytest.mark.parametrize(("setting", "value"), pairs(BAD_SETTINGS))
def test_bad_override_of_the_environment_is_named_with_a_fix(setting: str, value: object) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TikTok.from_env(ENVIRONMENT, **{setting: value})

    assert_names_the_fix(caught.value, setting)


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_every_configuration_error_in_the_code_names_a_fix(path: Path) -> None:
    for call in ast.walk(ast.parse(path.read_text())):
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("ConfigurationError"):
            source = ast.unparse(call)
            is_literal = isinstance(call.args[0], ast.Constant | ast.JoinedStr)
            has_hint = any(keyword.arg == "hint" for keyword in call.keywords)
            assert has_hint or not is_literal or FIX.search(source) or re.search(r"{(fix|FIX)}", source), source


def oauth_errors() -> Iterator[TikTokError]:
    """The errors of the token endpoint."""
    for code in (*WORDS, "invalid_request", "unknown", "server_error", "rate_limit_exceeded"):
        yield raised(partial(read_oauth, httpx2.Response(200, json={"error": code}), "token"))
    yield raised(partial(read_oauth, httpx2.Response(429), "token"))
    yield raised(partial(read_oauth, httpx2.Response(200, json=[]), "token"))


def api_errors() -> Iterator[TikTokError]:
    """The errors of the user info endpoint."""
    for code in (*WORDS, "unknown", "internal_error", "rate_limit_exceeded"):
        yield raised(partial(read_api, httpx2.Response(400, json={"error": {"code": code}}), "user_info"))


def callback_errors() -> Iterator[TikTokError]:
    """The errors in the query string of a callback."""
    for query in (
        b"error=access_denied",
        b"error=access_denied&error_type=non_sandbox_target",
        b"error=server_error",
        b"error=unknown",
    ):
        error = read_callback(query).error
        assert error
        yield error
    for query in (b"", b"code=a&error=b", b"code=a&code=b", b"code=%ff", b"code=%0a", b"code=%", b"&" * 60):
        yield raised(partial(read_callback, query))


def webhook_errors() -> Iterator[TikTokError]:
    """The errors of the webhook."""
    signed = f"t=1,s={'0' * 64}"
    for headers in ([], ["t=x"], ["t=1"], [signed]):
        yield raised(partial(check_signature, Secret("secret"), headers, b"{}", tolerance=60))
    event = b'{"event": "e", "create_time": 1, "client_key": "other"}'
    for body in (b"", b'{"event": 7, "create_time": 1}', event):
        yield raised(partial(read_event, body, "awkey"))


def raised(call: Callable[[], object]) -> TikTokError:
    with pytest.raises(TikTokError) as caught:
        call()
    return caught.value


def errors() -> list[TikTokError]:
    """At least one error of each class, from the code that raises it where that is cheap."""
    return [
        *oauth_errors(),
        *api_errors(),
        *callback_errors(),
        *webhook_errors(),
        *(LoginLost(cause) for cause in Cause),
        raised(partial(Protection, ["studio"], [])),
        HookFailed("on_login failed.", hint="Its traceback is in the log."),
        LoginDenied("Members only."),
        LoginRequired(),
        ConnectRefused(),
        AlreadyConnected(),
        ScopeRequired(scopes=["video.list"]),
        *(
            RequestRefused("Refused.", code=code, status_code=403)
            for code in ("connect_link", "foreign_origin", "method_not_allowed", "undeclared_scope")
        ),
        UpstreamTimeout(stage="token"),
        StoreError("Away."),
    ]


def subclasses(cls: type[TikTokError]) -> set[type[TikTokError]]:
    return {cls}.union(*(subclasses(each) for each in cls.__subclasses__()))


def test_every_error_class_has_an_example_and_a_docstring() -> None:
    classes = {cls for cls in subclasses(TikTokError) if cls.__module__.startswith("asgi_tiktok.")}

    assert {type(error) for error in errors()} == classes - {TikTokError, LoginError}
    assert all("__doc__" in vars(cls) and cls.__doc__ for cls in classes)


@pytest.mark.parametrize("error", errors(), ids=lambda error: f"{type(error).__name__}-{error.code}")
def test_every_error_names_the_next_step(error: TikTokError) -> None:
    """The visitor reads it on the page. If the page cannot help, the developer reads it in the log."""
    code = code_of(error)

    if code == MISCONFIGURED:
        assert error.hint, f"no hint: {error}"
        assert error.hint in str(error)
    else:
        assert BUTTONS[code] or ACTION.search(TEXTS[f"{code}.text"]), code


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_of_a_lost_login_has_its_own_message(cause: Cause) -> None:
    assert code_of(LoginLost(cause)) == cause.value
