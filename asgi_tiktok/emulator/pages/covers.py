"""Cover images of videos, drawn on the spot: hills of the video's own colours under a play button."""

from html import escape
from urllib.parse import quote

from asgi_tiktok.emulator.world.videos import Video

__all__ = ["cover_url", "draw_cover"]

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="300" height="400" viewBox="0 0 300 400" role="img">
<title>{title}</title>
<defs>
<linearGradient id="sky" x1="0" y1="0" x2="0" y2="1">
<stop offset="0" stop-color="hsl({hue} 70% 62%)"/>
<stop offset="1" stop-color="hsl({far_hue} 76% 34%)"/>
</linearGradient>
</defs>
<rect width="300" height="400" fill="url(#sky)"/>
<circle cx="{sun_x}" cy="{sun_y}" r="38" fill="#fff" opacity=".5"/>
<path d="M0 {left}Q150 {top} 300 {right}V400H0Z" fill="#000" opacity=".18"/>
<path d="M0 {right}Q110 {left} 300 330V400H0Z" fill="#000" opacity=".22"/>
<path d="M128 168l56 32-56 32z" fill="#fff" opacity=".92"/>
<text x="284" y="382" fill="#fff" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
 font-size="20" font-weight="600" text-anchor="end">{length}</text>
</svg>
"""


def cover_url(origin: str, video: Video, now: float) -> str:
    """A link in the manner of TikTok's CDN; theirs ends after 6 hours, this one only says so."""
    path = f"/_emulator/covers/{quote(video.open_id, safe='')}/{video.id}.svg"
    return f"{origin}{path}?x-expires={int(now) + 6 * 3600}"


def draw_cover(video: Video) -> str:
    seed = int(video.id).to_bytes(8, "big")[-4:]
    hue = (seed[0] + video.create_time) % 360
    return SVG.format(
        title=escape(video.caption),
        hue=hue,
        far_hue=(hue + 70) % 360,
        sun_x=50 + seed[1] % 200,
        sun_y=60 + seed[2] % 70,
        left=250 + seed[3] % 60,
        top=200 + seed[1] % 90,
        right=260 + seed[2] % 70,
        length=f"{video.duration // 60}:{video.duration % 60:02}",
    )
