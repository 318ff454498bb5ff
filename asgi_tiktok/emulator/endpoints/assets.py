"""Style sheets, the script, and drawn pictures."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asgi_tiktok.emulator.pages.avatars import AVATAR_SIZES, draw_avatar
from asgi_tiktok.emulator.pages.covers import draw_cover
from asgi_tiktok.emulator.pages.rendering import HEADERS, TEMPLATES
from asgi_tiktok.emulator.world.people import Person
from asgi_tiktok.emulator.world.videos import videos_of

__all__ = ["Assets"]

MEDIA_TYPES = {"emulator.css": "text/css", "inspector.css": "text/css", "inspector.js": "text/javascript"}
# Pages of any origin may embed the pictures. An SVG opened as a document must not run scripts.
PICTURE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


class Assets:
    """Serves the pages' files, and replaces TikTok's CDN for profile pictures and video covers."""

    def __init__(self, people: Mapping[str, Person]) -> None:
        self._people = people

    def routes(self) -> list[Route]:
        return [
            *(Route(f"/_emulator/{name}", self._file, methods=["GET"]) for name in MEDIA_TYPES),
            Route("/_emulator/avatars/{open_id:path}.svg", self._avatar, methods=["GET"]),
            Route("/_emulator/covers/{open_id:path}/{video_id}.svg", self._cover, methods=["GET"]),
        ]

    async def _file(self, request: Request) -> Response:
        name = request.url.path.rpartition("/")[2]
        return Response((TEMPLATES / name).read_text(), media_type=MEDIA_TYPES[name], headers=HEADERS)

    async def _avatar(self, request: Request) -> Response:
        person = self._people.get(request.path_params["open_id"])
        size = request.query_params.get("size", "168")
        if person is None or size not in map(str, AVATAR_SIZES.values()):
            raise HTTPException(404)
        return svg_response(draw_avatar(person, int(size)))

    async def _cover(self, request: Request) -> Response:
        person = self._people.get(request.path_params["open_id"])
        videos = videos_of(person) if person else ()
        for video in videos:
            if video.id == request.path_params["video_id"]:
                return svg_response(draw_cover(video))
        raise HTTPException(404)


def svg_response(svg: str) -> Response:
    return Response(svg, media_type="image/svg+xml", headers=PICTURE_HEADERS)
