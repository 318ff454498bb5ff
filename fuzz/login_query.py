"""The query of the login: it leads to TikTok with declared scopes only, and then back to this site."""

from urllib.parse import parse_qs, unquote, unquote_to_bytes, urlsplit

from fuzz.site import LOGIN, Site, StartedLogin, run_scene
from tests.support.whatwg import node_parser

SCOPES = {"user.info.basic", "user.info.profile", "user.info.stats", "video.list"}
FIELDS = {
    "client_key",
    "response_type",
    "scope",
    "redirect_uri",
    "state",
    "code_challenge",
    "code_challenge_method",
    "disable_auto_auth",
}


def run(data: bytes) -> None:
    """Send the unchanged query to an app at the root and to a mounted app."""
    for root_path in ("", "/app"):
        run_scene(attack(Site(root_path), data))


async def attack(site: Site, query: bytes) -> None:
    response = await site.get(LOGIN, query)
    assert site.tiktok_requests == []
    if response.status == 400:
        assert response.all(b"set-cookie") == []
        assert b"scopes" in unquote_to_bytes(query)
        return
    assert response.status == 302
    target = urlsplit(response.location.decode())
    assert (target.scheme, target.netloc, target.path) == ("https", "www.tiktok.com", "/v2/auth/authorize/")
    fields = parse_qs(target.query, strict_parsing=True)
    assert set(fields) <= FIELDS
    assert set(fields["scope"][0].split(",")) <= SCOPES

    (line,) = response.all(b"set-cookie")
    assert len(line) < 2600
    name, _, value = line.split(b";")[0].partition(b"=")
    location = (await site.complete_login(StartedLogin(fields["state"][0].encode(), name, value))).location.decode()
    assert location.startswith("/")
    assert node_parser().offsite_readings(location, root_path=site.root_path) == []
    path = unquote(urlsplit(location).path).rstrip("/").lower()
    assert path not in (LOGIN, site.root_path + LOGIN), "the login redirects to the login"
