import pytest

from asgi_tiktok.emulator import DEFAULT_APP, App, ConsentRefused, Emulator, Person

LONG = "https://app.example.com/" + "a" * 488


def app(*redirect_uris: str) -> App:
    return App("key", "secret", redirect_uris)


@pytest.mark.parametrize(
    ("uri", "rule"),
    [
        ("http://app.example.com/cb", "must begin with https://"),
        ("https:///cb", "must begin with https://"),
        ("/cb", "must begin with https://"),
        ("myapp://localhost:1/cb", "http:// or https://"),
        ("http://[::1]:8000/cb", "must begin with https://"),
        ("http://192.168.0.7:8000/cb", "must begin with https://"),
        ("http://localhost/cb", "needs a port"),
        ("https://127.0.0.1/cb", "needs a port"),
        ("http://localhost:80a/cb", "a port of digits"),
        ("http://me@localhost:8000/cb", "http:// or https://"),
        ("http://localhost:8000", "needs a path"),
        ("http://localhost:*/*", "only the port may be a wildcard"),
        ("https://*.example.com/cb", "no wildcard"),
        ("https://me@app.example.com/cb", "no user name"),
        ("https://app.example.com/cb?a=1", "must be static"),
        ("https://app.example.com/cb#a", "must be static"),
        ("http://localhost:8000/cb?", "must be static"),
        ("https://app.example.com/c b", "without spaces"),
        ("https://app.example.com/é", "printable ASCII"),
        (LONG, "512 characters"),
    ],
)
def test_invalid_redirect_uri_error_names_the_broken_rule(uri: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        app(uri)


@pytest.mark.parametrize("uri", ["myapp://tiktok", "http://localhost:8000/cb", "https://localhost:8000/cb"])
def test_native_redirect_uri_must_be_a_public_https_link(uri: str) -> None:
    with pytest.raises(ValueError, match="must begin with https:// for iOS and Android, and not be local"):
        App("key", "secret", ("https://app.example.com/cb",), native_redirect_uris=(uri,))


def test_native_redirect_uri_requires_a_challenge() -> None:
    link = "https://app.example.com/tiktok"
    emulator = Emulator([App("key", "secret", ("https://app.example.com/cb",), native_redirect_uris=(link,))])
    query = f"client_key=key&response_type=code&scope=user.info.basic&redirect_uri={link}"
    url = f"https://www.tiktok.com/v2/auth/authorize/?{query}"

    with pytest.raises(ConsentRefused, match="registered for iOS or Android, which requires PKCE"):
        emulator.consent(url)
    assert "code=" in emulator.consent(f"{url}&code_challenge={'a' * 64}")


def test_at_most_ten_redirect_uris_per_platform() -> None:
    web = [f"https://app.example.com/{number}" for number in range(11)]
    desktop = [f"http://127.0.0.1:*/{number}" for number in range(11)]

    assert len(app(*web[:10], *desktop[:10]).redirect_uris) == 20
    with pytest.raises(ValueError, match="11 redirect URIs for Web"):
        app(*web)
    with pytest.raises(ValueError, match="11 redirect URIs for Desktop"):
        app(*desktop)
    assert app(LONG[:511]).redirect_for(LONG[:511])


@pytest.mark.parametrize(
    ("registered", "sent", "found"),
    [
        ("https://app.example.com/cb", "https://app.example.com/cb", True),
        ("https://app.example.com/cb", "https://app.example.com/cb/", False),
        ("https://app.example.com/cb", "https://APP.example.com/cb", False),
        ("https://app.example.com/cb", "https://app.example.com/cb?next=/", False),
        ("https://app.example.com/cb", "", False),
        ("https://localhost:8000/cb", "https://localhost:8000/cb", True),
        ("http://localhost:8000/cb/", "http://localhost:8000/cb/", True),
        ("http://localhost:8000/cb", "http://localhost:8001/cb", False),
        ("http://localhost:8000/cb", "http://127.0.0.1:8000/cb", False),
        ("http://localhost:*/cb", "http://localhost:8001/cb", True),
        ("http://localhost:*/cb", "http://localhost:*/cb", False),
        ("http://localhost:*/cb", "http://localhost:/cb", False),
        ("http://localhost:*/cb", "http://localhost/cb", False),
        ("http://localhost:*/cb", "https://localhost:8001/cb", False),
        ("http://localhost:*/cb", "http://localhost:8001/cb/", False),
        ("http://localhost:*/c.b", "http://localhost:8001/cxb", False),
        ("http://localhost:*/cb", "http://localhost:80@evil.test:1/cb", False),
    ],
)
def test_redirect_uri_must_match_exactly_except_for_a_port_wildcard(registered: str, sent: str, found: bool) -> None:
    assert (app(registered).redirect_for(sent) is not None) is found


@pytest.mark.parametrize(
    ("client_key", "client_secret", "redirect_uris", "expected"),
    [
        ("", "secret", ("https://app.example.com/cb",), "client_key is empty"),
        ("key", "se cret", ("https://app.example.com/cb",), "client_secret is empty or contains white space"),
        ("key", "secret", (), "at least one redirect URI"),
    ],
)
def test_app_requires_keys_and_a_redirect_uri(
    client_key: str, client_secret: str, redirect_uris: tuple[str, ...], expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        App(client_key, client_secret, redirect_uris)


def test_repr_does_not_contain_the_secret() -> None:
    assert DEFAULT_APP.client_key in repr(DEFAULT_APP)
    assert DEFAULT_APP.client_secret not in repr(DEFAULT_APP)


@pytest.mark.parametrize("knob", ["lifetimes", "rotate", "web_pkce", "oauth_error_status"])
def test_invalid_knob_error_names_the_allowed_values(knob: str) -> None:
    choices = {
        "lifetimes": "'new', 'legacy'",
        "rotate": "'strict', 'legacy'",
        "web_pkce": "'ignore', 'verify-hex', 'require'",
        "oauth_error_status": "200, 400",
    }
    wrong: dict[str, object] = {knob: "sometimes"}
    with pytest.raises(ValueError, match=f"{knob}='sometimes' is not one of {choices[knob]}"):
        Emulator(**wrong)  # type: ignore[arg-type]


def test_emulator_requires_a_positive_code_ttl_and_unique_ids() -> None:
    person = Person(open_id="a", display_name="A")
    with pytest.raises(ValueError, match="code_ttl=0 is not a positive number"):
        Emulator(code_ttl=0)
    with pytest.raises(ValueError, match="at least one client_key"):
        Emulator(apps=())
    with pytest.raises(ValueError, match="Every open_id must be unique"):
        Emulator(people=(person, person))
    with pytest.raises(ValueError, match="needs an open_id"):
        Person(open_id="", display_name="Nobody")
