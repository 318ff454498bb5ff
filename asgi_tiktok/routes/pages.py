"""Our HTML pages, and the same as JSON for callers that read data."""

from base64 import b64encode
from hashlib import sha256
from html import escape
from string import Template
from urllib.parse import urlsplit

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from asgi_tiktok.errors import LoginDenied, RateLimited, RequestRefused, TikTokError
from asgi_tiktok.routes.messages import Message
from asgi_tiktok.texts.translation import Translation
from asgi_tiktok.tiktok import TikTok

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #161823; --soft: #5c5e68; --line: #e3e3e6; --back: #f4f4f6 }
@media (prefers-color-scheme: dark) {
  :root { --paper: #1b1b1f; --ink: #f5f5f7; --soft: #a8a9b2; --line: #33343a; --back: #0c0c0e }
}
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; min-height: 100dvh; display: grid; place-items: center; padding: 24px;
  background: var(--back); color: var(--ink);
  font: 17px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  overflow-wrap: anywhere }
main { width: 100%; max-width: 440px; padding: 40px 32px 32px; background: var(--paper); border-radius: 20px;
  border: 1px solid var(--line); box-shadow: 0 24px 60px -32px rgb(0 0 0 / .35) }
.mark { width: 44px; height: 6px; border-radius: 3px; margin-bottom: 28px;
  background: linear-gradient(90deg, #25f4ee 50%, #fe2c55 50%) }
header { display: flex; align-items: center; gap: 12px; margin-bottom: 28px; font-weight: 600 }
header img { height: 36px; max-width: 50%; object-fit: contain }
h1 { margin: 0 0 12px; font-size: 26px; line-height: 1.2; letter-spacing: -.01em; text-wrap: balance }
:lang(ar) h1 { letter-spacing: normal }
:lang(ja) { line-break: strict; word-break: auto-phrase }
p { margin: 0 0 28px; color: var(--soft); text-wrap: pretty }
a.button, button { display: block; width: 100%; padding: 14px 20px; border: 0; border-radius: 12px;
  background: #161823; color: #fff; font: inherit; font-weight: 600; text-align: center; text-decoration: none;
  cursor: pointer }
@media (prefers-color-scheme: dark) { a.button, button { background: #fff; color: #161823 } }
a.button:hover, button:hover { opacity: .88 }
:focus-visible { outline: 3px solid var(--ink); outline-offset: 3px }
.back { display: block; margin-top: 18px; text-align: center; color: var(--soft) }
aside { margin: 0 0 28px; padding: 14px 16px; border-radius: 12px; border-inline-start: 4px solid #fe2c55;
  background: var(--back); font-size: 15px }
aside b, aside code { display: block }
aside code { margin: 6px 0; font-size: 13px }
small { display: block; margin-top: 28px; padding-top: 16px; border-top: 1px solid var(--line);
  color: var(--soft); font-size: 13px }
@media (max-width: 360px) { body { padding: 12px } main { padding: 28px 20px 24px } }
"""
STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode("ascii")

REDIRECT_HEADERS = {
    "Cache-Control": "no-store",
    "Pragma": "no-cache",
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'; "
        "form-action 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
# Not on redirects, because there it would cut a login in a popup off from the page that opened it.
HEADERS = {**REDIRECT_HEADERS, "Cross-Origin-Opener-Policy": "same-origin"}

PAGE = Template(
    """<!doctype html>
<html lang="$locale" dir="$direction">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>$head</title>
<style>$style</style>
$more_head</head>
<body>
<main>
$brand
<h1>$title</h1>
<p>$text</p>
$more
</main>
</body>
</html>
"""
)


class Pages:
    """The pages of one TikTok app, with the site's name and logo."""

    def __init__(self, tiktok: TikTok) -> None:
        self.name = ""
        self.brand = '<div class="mark"></div>'
        self.headers = HEADERS
        if brand := tiktok._brand:
            self.name = brand.name
            self.brand = "<header>"
            if brand.logo_url:
                alt = "" if brand.name else urlsplit(tiktok._site.origin).hostname or ""
                self.brand += f'<img src="{escape(brand.logo_url)}" alt="{escape(alt)}">'
                policy = f"{HEADERS['Content-Security-Policy']}; img-src {brand.image_source}"
                self.headers = {**HEADERS, "Content-Security-Policy": policy}
            self.brand += f"<bdi>{escape(brand.name)}</bdi></header>"

    def render(
        self, texts: Translation, title: str, text: str, more: str, *, status_code: int = 200, more_head: str = ""
    ) -> HTMLResponse:
        """Return one of our pages. `more` and `more_head` are HTML; the other strings are escaped."""
        html = PAGE.substitute(
            locale=texts.locale,
            direction=texts.direction,
            head=escape(f"{title} · {self.name}" if self.name else title),
            style=STYLE,
            more_head=more_head,
            brand=self.brand,
            title=escape(title),
            text=escape(text),
            more=more,
        )
        return HTMLResponse(html, status_code=status_code, headers={**self.headers, **texts.headers})

    def sign_out(self, texts: Translation, *, action: str, csrf_token: str, back: str) -> Response:
        """Return the page that asks whether to sign out."""
        more = (
            f'<form method="post" action="{escape(action)}">'
            f'<input type="hidden" name="csrf_token" value="{escape(csrf_token)}">'
            f"<button>{escape(texts['sign_out'])}</button></form>"
            f'<a class="back" href="{escape(back)}">{escape(texts["stay"])}</a>'
        )
        return self.render(texts, texts["sign_out.title"], texts["sign_out.text"], more)

    def signed_out(self, texts: Translation, next_path: str) -> Response:
        """Return the page that confirms a sign-out, and leads to `next_path` at once."""
        more = f'<a class="button" href="{escape(next_path)}">{escape(texts["continue"])}</a>'
        response = self.render(texts, texts["signed_out.title"], texts["signed_out.text"], more)
        response.headers["Refresh"] = f"0; url={next_path}"
        return response

    def error(
        self,
        error: TikTokError,
        texts: Translation,
        message: Message,
        *,
        login_url: str,
        back: str,
        reference: str,
        for_developer: bool,
    ) -> Response:
        """Return the page for a visitor: what happened, one button to try again, and a reference to the log."""
        text = message.text
        if error.code == LoginDenied.code and error.description:
            text = f"\u2068{error.description}\u2069"  # isolated, because the app may write in another direction
        more = ""
        if for_developer and error.hint:
            more += developer_box(error)
        if message.button:
            more += f'<a class="button" href="{escape(login_url)}">{escape(message.button)}</a>'
        more += f'<a class="back" href="{escape(back)}">{escape(texts["back"])}</a>'
        more += f"<small>{escape(texts['reference'])} <bdi>{escape(reference)}</bdi></small>"
        response = self.render(texts, message.title, text, more, status_code=error.status_code)
        add_retry_after(response, error)
        return response


def developer_box(error: TikTokError) -> str:
    """Return what a developer needs: the code, TikTok's log_id, and what to do about the error."""
    link = f'<a href="{escape(error._help_url)}">{escape(error.code)}</a>'
    log_id = f" · log_id {error.log_id}" if error.log_id else ""
    return (
        '<aside lang="en" dir="ltr"><b>For the developer (shown on localhost only)</b>'
        f"<code>{link}{escape(log_id)}</code>{escape(f'{error.description} {error.hint}')}</aside>"
    )


def redirect(location: str, *, status_code: int = 303) -> Response:
    """Return a redirect that no cache stores."""
    return RedirectResponse(location, status_code=status_code, headers=REDIRECT_HEADERS)


def error_json(
    error: TikTokError, texts: Translation, message: Message, *, login_url: str, reference: str, for_developer: bool
) -> Response:
    """Return the same for a caller that reads JSON."""
    content = {"error": error.code, "message": message.title, "login_url": login_url, "reference": reference}
    if isinstance(error, RequestRefused):
        content["description"] = error.description  # for the developer of the program that sent the request
    if for_developer and error.hint:
        content["hint"] = error.hint
    response = JSONResponse(content, status_code=error.status_code, headers={**HEADERS, **texts.headers})
    add_retry_after(response, error)
    return response


def add_retry_after(response: Response, error: TikTokError) -> None:
    if error.status_code == 503:
        seconds = error.retry_after if isinstance(error, RateLimited) else 5
        response.headers["Retry-After"] = str(seconds)
