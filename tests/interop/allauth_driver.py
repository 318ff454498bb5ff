"""Sign in with django-allauth: a Django project in memory, and a client that keeps cookies."""

import json
import sys
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import django
from django.conf import settings
from django.core.management import call_command
from django.test import Client

PROJECT = "tests.interop.allauth_project"


def configure(task: dict[str, Any]) -> None:
    settings.configure(
        EMULATOR=task["emulator"],
        SECRET_KEY="a-secret-of-the-interop-tests-only",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=PROJECT,
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "allauth",
            "allauth.account",
            "allauth.socialaccount",
            "allauth.socialaccount.providers.tiktok",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "allauth.account.middleware.AccountMiddleware",
        ],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
        AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"],
        ACCOUNT_EMAIL_VERIFICATION="none",
        SOCIALACCOUNT_ADAPTER=f"{PROJECT}.SocialAccountAdapter",
        SOCIALACCOUNT_PROVIDERS={
            "tiktok": {
                "APPS": [{"client_id": task["client_key"], "secret": task["client_secret"]}],
                "SCOPE": task["scopes"],
                "OAUTH_PKCE_ENABLED": task["pkce"],
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)


def sign_in(task: dict[str, Any]) -> dict[str, Any]:
    from allauth.socialaccount.models import SocialAccount

    redirect_uri = urlsplit(task["redirect_uri"])
    address: dict[str, Any] = {"secure": redirect_uri.scheme == "https", "headers": {"host": redirect_uri.netloc}}
    browser = Client()
    begun = browser.post("/accounts/tiktok/login/", **address)
    decision = approve(begun["location"], task)
    if decision["error"]:
        return {"failed": decision["error"]}
    callback = urlsplit(decision["location"])
    browser.get(f"{callback.path}?{callback.query}", **address)
    account = SocialAccount.objects.filter(user_id=browser.session.get("_auth_user_id")).first()
    return {"name": account and account.extra_data["display_name"], "id": account and account.uid}


def approve(authorization_url: str, task: dict[str, Any]) -> dict[str, str]:
    """Approve TikTok's consent page as a browser does. Return the redirect, or the error that TikTok shows."""
    from tests.interop.allauth_project import session

    url = urlsplit(authorization_url)
    shown = session().get(authorization_url, allow_redirects=False)
    if shown.status_code != 200:
        fault = dict(parse_qsl(urlsplit(shown.headers["location"]).query))
        return {"error": f"{fault['error']} {fault['error_type']}"}
    form = {**dict(parse_qsl(url.query)), "person": task["person"], "scopes": task["ticked"], "decision": "approve"}
    response = session().post(url._replace(query="").geturl(), data=form, allow_redirects=False)
    return {"error": "", "location": response.headers["location"]}


if __name__ == "__main__":
    given = json.load(sys.stdin)
    configure(given)
    print(json.dumps(sign_in(given)))
