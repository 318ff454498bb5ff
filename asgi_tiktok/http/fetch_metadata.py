"""What the headers of a request say about how it was made (W3C: Fetch Metadata Request Headers)."""

from collections.abc import Collection

from starlette.datastructures import Headers


def is_navigation(headers: Headers) -> bool:
    """True if a browser will show the response as a page."""
    mode = headers.get("sec-fetch-mode")
    return mode == "navigate" if mode else "text/html" in headers.get("accept", "")


def is_background(headers: Headers) -> bool:
    """True for `fetch()` and similar calls, which cannot follow a redirect to TikTok."""
    mode = headers.get("sec-fetch-mode")
    if mode:
        return mode != "navigate"
    accept = headers.get("accept", "*/*")
    return "text/html" not in accept and "*/*" not in accept


def is_prefetch(headers: Headers) -> bool:
    """True if the visitor has not clicked yet."""
    purpose = headers.get("sec-purpose", "") + headers.get("purpose", "") + headers.get("x-moz", "")
    return "prefetch" in purpose.lower()


def not_cross_site(headers: Headers) -> bool:
    """True unless a page of another origin made the request."""
    return headers.get("sec-fetch-site", "none") in ("none", "same-origin")


def wants_json(headers: Headers) -> bool:
    """True for a caller that reads data, not pages."""
    return is_background(headers) and not is_navigation(headers)


def is_same_origin(headers: Headers, origin: str) -> bool | None:
    """True if a page of `origin` made the request, False if another page did, None if the headers do not say.

    `Sec-Fetch-Site` decides, because a script cannot write it. `none` means that the user typed the address, and
    counts only beside a matching `Origin`. A page with `Referrer-Policy: no-referrer`, which our pages have, sends
    `Origin: null` to its own site; on its own, that says nothing.
    """
    origins = headers.getlist("origin")
    sites = headers.getlist("sec-fetch-site")
    if sites == ["same-origin"]:
        return origins in ([], [origin], ["null"])
    if not sites and origins in ([], ["null"]):
        return None
    return sites in ([], ["none"]) and origins == [origin]


def is_from(headers: Headers, origins: Collection[str]) -> bool:
    """True if a page of one of these other origins made the request. No script can write `Origin`."""
    sent = headers.getlist("origin")
    sites = headers.getlist("sec-fetch-site")
    return len(sent) == 1 and sent[0] in origins and sites in ([], ["same-site"], ["cross-site"])


def is_form_of_private_page(headers: Headers) -> bool:
    """True if a page with `Referrer-Policy: no-referrer`, as our pages have, sent a form to its own site."""
    return (
        headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-site") == "same-origin"
        and headers.get("origin") == "null"
    )
