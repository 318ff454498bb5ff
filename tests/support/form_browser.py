"""A browser that keeps cookies, follows redirects and fills in forms, over a real socket."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx2

from tests.support.waiting import TIMEOUT


class FormBrowser:
    """The browser of one person."""

    def __init__(self) -> None:
        self.client = httpx2.Client(follow_redirects=True, headers={"Accept": "text/html"}, timeout=TIMEOUT)

    def open(self, url: str) -> httpx2.Response:
        return self.client.get(url)

    def submit(self, page: httpx2.Response, **changes: str | list[str]) -> httpx2.Response:
        """Submit the only form of the page, with these fields changed."""
        form = Form(page.text)
        fields: dict[str, str | list[str]] = {
            name: [value for other, value in form.fields if other == name] for name, _ in form.fields
        }
        url = urlsplit(str(page.url))
        origin = {"Origin": f"{url.scheme}://{url.netloc}"}
        return self.client.post(urljoin(str(page.url), form.action), data=fields | changes, headers=origin)

    def sign_in(self, url: str, **changes: str | list[str]) -> httpx2.Response:
        """Open a page that leads to TikTok, approve the login there, and return the page that follows."""
        consent = self.open(url)
        assert "Choose who signs in" in consent.text
        return self.submit(consent, decision="approve", **changes)

    def close(self) -> None:
        self.client.close()


class Form(HTMLParser):
    """The action of the only form of a page, and the fields that a browser sends unless the user changes them."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "form":
            self.action = values["action"] or ""
        if tag == "input" and "disabled" not in values and (values.get("type") == "hidden" or "checked" in values):
            self.fields.append((values["name"] or "", values.get("value") or "on"))
