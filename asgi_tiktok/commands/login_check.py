"""One request for the login of an app that `asgi-tiktok dev` serves: does it lead to the right TikTok and back?"""

from urllib.parse import parse_qs, urlsplit

import httpx2

from asgi_tiktok.emulator import RunningEmulator
from asgi_tiktok.http.site import DEFAULT_PATH
from asgi_tiktok.validation import DESKTOP_HOSTS

DEADLINE = 30  # seconds, because the app may have to be imported
LOGIN = f"{DEFAULT_PATH}/login"
REAL = "www.tiktok.com"
FROM_ENV = (
    "The app's code has settings that replace those of this command. Write TikTok.from_env(), or run the app without "
    "asgi-tiktok dev."
)


def check_login(url: str, emulator: RunningEmulator | None) -> str | None:
    """Request the login once.

    Args:
        url (str): The address of the app.
        emulator (RunningEmulator | None): The emulator that the app must use. None: the real TikTok.

    Returns:
        What is wrong, and the cure. None if nothing is, or if the app does not answer.
    """
    headers = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "none"}
    try:
        with httpx2.Client(timeout=DEADLINE, trust_env=False, headers=headers) as client:
            response = client.get(url + LOGIN)
    except httpx2.HTTPError:
        return None  # the terminal shows why
    if response.status_code == httpx2.codes.NOT_FOUND:
        return (
            f"The app answers 404 at {LOGIN}. If it has no TikTokAuthMiddleware, write "
            "app.add_middleware(TikTokAuthMiddleware), or app = TikTokAuthMiddleware(app). With TikTok(path=...), "
            "the login is below that path instead."
        )
    if response.status_code != httpx2.codes.FOUND:
        return f"The app answers {response.status_code} at {LOGIN}. Open {url}{LOGIN} to read why."
    return check_target(response.headers["Location"], url, emulator)


def check_target(location: str, url: str, emulator: RunningEmulator | None) -> str | None:
    """Return what is wrong with the address at TikTok to which the login redirects, and the cure."""
    parts = urlsplit(location)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    redirect_uri, client_key = query.get("redirect_uri", ""), query.get("client_key", "")
    expected = emulator.url if emulator else f"https://{REAL}"
    if f"{parts.scheme}://{parts.netloc}" != expected:
        where = "the real TikTok" if parts.hostname == REAL else f"{parts.scheme}://{parts.netloc}"
        return f"Logins go to {where}, not to {expected}. {FROM_ENV}"
    if emulator and client_key not in emulator.emulator.apps:
        return f"The emulator does not know the client key {client_key}. {FROM_ENV}"
    back = urlsplit(redirect_uri)
    if back.scheme == "https" and back.hostname in DESKTOP_HOSTS:
        return f"Logins return to {redirect_uri}, but this command serves http. Write http:// in the redirect URI."
    if back.hostname not in DESKTOP_HOSTS or back.port != urlsplit(url).port:
        return f"Logins return to {redirect_uri}, which is not this server. {FROM_ENV}"
    return None
