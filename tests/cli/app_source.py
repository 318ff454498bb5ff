"""The source of the app that the commands run."""

APP = """\
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from asgi_tiktok import TikTokAuthMiddleware


async def me(request):
    return JSONResponse({"version": 1, "name": request.user.display_name, "id": request.user.identity})


app = TikTokAuthMiddleware(Starlette(routes=[Route("/me", me)]))
"""
