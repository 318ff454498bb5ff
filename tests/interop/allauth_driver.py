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
    decided = agree(begun["location"], task)
    if decided["error"]:
        return {"failed": decided["error"]}
    back = urlsplit(decided["location"])
    browser.get(f"{back.path}?{back.query}", **address)
    account = SocialAccount.objects.filter(user_id=browser.session.get("_auth_user_id")).first()
    return {"name": account and account.extra_data["display_name"], "id": account and account.uid}


def agree(authorization_url: str, task: dict[str, Any]) -> dict[str, str]:
    """Open TikTok's page and agree, as a browser does; return the redirect, or the error of TikTok's page."""
    from tests.interop.allauth_project import session

    asked = urlsplit(authorization_url)
    shown = session().get(authorization_url, allow_redirects=False)
    if shown.status_code != 200:
        fault = dict(parse_qsl(urlsplit(shown.headers["location"]).query))
        return {"error": f"{fault['error']} {fault['error_type']}"}
    form = {**dict(parse_qsl(asked.query)), "person": task["person"], "scopes": task["ticked"], "decision": "approve"}
    answer = session().post(asked._replace(query="").geturl(), data=form, allow_redirects=False)
    return {"error": "", "location": answer.headers["location"]}


if __name__ == "__main__":
    given = json.load(sys.stdin)
    configure(given)
    print(json.dumps(sign_in(given)))
