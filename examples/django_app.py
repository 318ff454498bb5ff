# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "django", "uvicorn"]
# ///
"""Sign in with TikTok in Django, in a single file.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/django_app.py` and open http://localhost:8000.
"""

import os
import secrets

import uvicorn
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpResponse, JsonResponse
from django.template import engines
from django.urls import path

from asgi_tiktok import TikTokAuthMiddleware
from asgi_tiktok.django import TikTokRequest, login_required

settings.configure(
    ALLOWED_HOSTS=["localhost", "127.0.0.1"],
    MIDDLEWARE=["asgi_tiktok.django.TikTokMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY=secrets.token_urlsafe(32),
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "builtins": ["asgi_tiktok.django"],
                "context_processors": ["django.template.context_processors.request"],
            },
        }
    ],
)
HOME = """{% with user=request.tiktok.user %}{% if user.is_authenticated %}
  <p>Hello {{ user.display_name|default:"you" }}</p>
  <form method="post" action="{{ request.tiktok.logout_url }}"><button>Sign out</button></form>
{% else %}{% tiktok_button next="/" %}{% endif %}{% endwith %}"""


async def home(request: TikTokRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(HOME).render(request=request))


@login_required
async def me(request: TikTokRequest) -> HttpResponse:
    user = request.tiktok.require()
    return JsonResponse({"open_id": user.open_id, "name": user.display_name})


urlpatterns = [path("", home), path("me", me)]
application = TikTokAuthMiddleware(get_asgi_application())

if __name__ == "__main__":
    uvicorn.run(application, host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
