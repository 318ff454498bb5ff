"""Profile pictures, drawn on the spot: initials over a gradient of the person's own."""

import hashlib
from html import escape
from urllib.parse import quote, urlencode

from asgi_tiktok.emulator.world.people import Person

__all__ = ["AVATAR_SIZES", "avatar_path", "avatar_url", "draw_avatar"]

AVATAR_SIZES = {"avatar_url": 168, "avatar_url_100": 100, "avatar_large_url": 720}

SVG = """\
<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 100 100" role="img">
<title>{title}</title>
<defs>
<linearGradient id="sky" x1="0" y1="0" x2="1" y2="1">
<stop offset="0" stop-color="hsl({hue} 74% 48%)"/>
<stop offset="1" stop-color="hsl({far_hue} 80% 32%)"/>
</linearGradient>
</defs>
<rect width="100" height="100" fill="url(#sky)"/>
<circle cx="{sun_x}" cy="{sun_y}" r="34" fill="#fff" opacity=".16"/>
<circle cx="{moon_x}" cy="92" r="40" fill="#000" opacity=".10"/>
<text x="50" y="52" fill="#fff" font-family="system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"
 font-size="{font_size}" font-weight="700" text-anchor="middle" dominant-baseline="central">{initials}</text>
</svg>
"""


def avatar_path(person: Person) -> str:
    return f"/_emulator/avatars/{quote(person.open_id, safe='')}.svg"


def avatar_url(origin: str, person: Person, size: int, now: float) -> str:
    """A link in the manner of TikTok's CDN; theirs ends after about a day, this one only says so."""
    expires = (int(now) // 3600 + 25) * 3600
    return f"{origin}{avatar_path(person)}?{urlencode({'size': size, 'x-expires': expires})}"


def draw_avatar(person: Person, size: int) -> str:
    seed = hashlib.sha256(person.open_id.encode()).digest()
    hue = int.from_bytes(seed[:2], "big") % 360
    letters = initials(person.display_name)
    return SVG.format(
        size=size,
        title=escape(person.display_name),
        hue=hue,
        far_hue=(hue + 55) % 360,
        sun_x=60 + seed[2] % 36,
        sun_y=6 + seed[3] % 26,
        moon_x=8 + seed[4] % 36,
        font_size=48 if len(letters) == 1 else 38,
        initials=escape(letters),
    )


def initials(display_name: str) -> str:
    """The first letters of the first and the last word, or a star for a name without letters."""
    letters = [word[0] for word in display_name.split() if word[0].isalnum()]
    return "".join(dict.fromkeys((letters[0], letters[-1]))).upper() if letters else "★"
