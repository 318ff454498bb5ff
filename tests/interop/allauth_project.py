"""The Django project of django-allauth: its routes, and the adapter that sends its requests to the emulator."""

from typing import Any
from urllib.parse import urlsplit

import requests
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.urls import include, path
from requests.adapters import HTTPAdapter

HOSTS = ("https://www.tiktok.com", "https://open.tiktokapis.com")


class ToEmulator(HTTPAdapter):
    """Sends requests for TikTok's hosts to the emulator. Only the host of a request is changed."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        url = urlsplit(str(request.url))
        request.url = settings.EMULATOR + url._replace(scheme="", netloc="").geturl()
        return super().send(request, *args, **kwargs)


def session() -> requests.Session:
    session = requests.Session()
    for host in HOSTS:
        session.mount(host, ToEmulator())
    return session


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def get_requests_session(self) -> requests.Session:
        return session()


urlpatterns = [path("accounts/", include("allauth.urls"))]
