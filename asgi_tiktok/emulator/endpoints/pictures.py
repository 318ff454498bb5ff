"""Pictures drawn on the spot, sent as images that any page may show and that run nothing."""

from collections.abc import Mapping

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from asgi_tiktok.emulator.pages.avatars import SIZES, draw_avatar
from asgi_tiktok.emulator.pages.covers import draw_cover
from asgi_tiktok.emulator.world.people import Person
from asgi_tiktok.emulator.world.videos import videos_of

HEADERS = {
    "Content-Security-Policy": "default-src 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
}


class Pictures:
    """What stands for TikTok's CDN: profile pictures and covers of videos."""

    def __init__(self, people: Mapping[str, Person]) -> None:
        self.people = people

    def routes(self) -> list[Route]:
        return [
            Route("/_emulator/avatars/{open_id:path}.svg", self.avatar, methods=["GET"]),
            Route("/_emulator/covers/{open_id:path}/{video_id}.svg", self.cover, methods=["GET"]),
        ]

    async def avatar(self, request: Request) -> Response:
        person = self.people.get(request.path_params["open_id"])
        size = request.query_params.get("size", "168")
        if person is None or size not in map(str, SIZES.values()):
            raise HTTPException(404)
        return picture(draw_avatar(person, int(size)))

    async def cover(self, request: Request) -> Response:
        person = self.people.get(request.path_params["open_id"])
        videos = videos_of(person) if person else ()
        for video in videos:
            if video.id == request.path_params["video_id"]:
                return picture(draw_cover(video))
        raise HTTPException(404)


def picture(svg: str) -> Response:
    return Response(svg, media_type="image/svg+xml", headers=HEADERS)
