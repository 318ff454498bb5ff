"""A simple browser that keeps cookies, follows redirects and submits forms."""

from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx2


class Browser:
    def __init__(self) -> None:
        self.client = httpx2.Client(follow_redirects=True, headers={"Accept": "text/html"}, timeout=10)

    def open(self, url: str) -> httpx2.Response:
        return self.client.get(url)

    def submit(self, page: httpx2.Response, **changes: str | list[str]) -> httpx2.Response:
        """Submit the page's form as a browser does, with these fields changed."""
        form = Form(page.text)
        fields: dict[str, str | list[str]] = {
            name: [value for other, value in form.fields if other == name] for name, _ in form.fields
        }
        url = urlsplit(str(page.url))
        origin = {"Origin": f"{url.scheme}://{url.netloc}"}
        return self.client.post(urljoin(str(page.url), form.action), data=fields | changes, headers=origin)

    def sign_in(self, url: str, **changes: str | list[str]) -> httpx2.Response:
        """Open a page that leads to TikTok's consent page, and agree; return the page that follows."""
        consent = self.open(url)
        assert "Choose who signs in" in consent.text
        return self.submit(consent, decision="approve", **changes)

    def close(self) -> None:
        self.client.close()


class Form(HTMLParser):
    """The action of a page's only form, and the fields that a browser sends without input from the user."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: list[tuple[str, str]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self.action = given["action"] or ""
        if tag == "input" and "disabled" not in given and (given["type"] == "hidden" or "checked" in given):
            self.fields.append((given["name"] or "", given["value"] or ""))
