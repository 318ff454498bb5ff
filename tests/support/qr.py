"""Login by QR code: the page that shows the code, and the phone that scans it."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs

import httpx2
from starlette.testclient import TestClient

from asgi_tiktok.emulator import Emulator, Person
from asgi_tiktok.emulator.endpoints.qr import QRLogin
from tests.support.people import AMARA
from tests.support.settings import FETCH, NAVIGATION

QR = "/auth/tiktok/qr"
CHECK = "/v2/oauth/check_qrcode/"


def open_page(browser: TestClient, query: str = "next=/studio") -> str:
    """Open the page, and return its address."""
    response = browser.get(f"{QR}?{query}", headers=NAVIGATION)
    assert response.status_code == 303, response.text
    return str(response.headers["location"])


def page(browser: TestClient, address: str) -> httpx2.Response:
    return browser.get(address, headers=NAVIGATION)


def ask(browser: TestClient, address: str) -> dict[str, Any]:
    """Ask as the script of the page does."""
    response = browser.get(address, headers={**FETCH, "accept": "application/json"})
    assert response.status_code == 200
    answer: dict[str, Any] = response.json()
    return answer


def line(response: httpx2.Response) -> str:
    """The line of the page that says how far the login is."""
    found = re.search(r'<p role="status"[^>]*>(.*?)</p>', response.text)
    assert found, response.text
    return unescape(found[1])


class Phone:
    """The phone of a person, which scans a code. Default: the newest."""

    def __init__(self, emulator: Emulator, login: QRLogin | None = None) -> None:
        self.logins = emulator._state.qr_logins
        self.login = login or self.logins.waiting()[0]

    @property
    def ticket(self) -> str:
        """The ticket in the code."""
        return parse_qs(self.login.phone_query)["client_ticket"][0]

    def scan(self, ticket: str | None = None) -> None:
        self.logins.scan(self.login, self.ticket if ticket is None else ticket)

    def decide(self, decision: str = "approve", person: Person = AMARA) -> None:
        self.logins.decide(self.login, person.open_id, self.login.request.scopes, decision)

    def confirm(self, person: Person = AMARA) -> None:
        self.scan()
        self.decide(person=person)
