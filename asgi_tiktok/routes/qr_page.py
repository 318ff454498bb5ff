"""The page with a QR code. A script follows the login's progress; without scripts, the page reloads itself."""

from base64 import b64encode
from hashlib import sha256
from html import escape

import segno
from starlette.responses import Response

from asgi_tiktok.routes.pages import STYLE_HASH, Pages
from asgi_tiktok.texts.translation import Translation

PROGRESS = ("new", "scanned", "unavailable")
POLL_PAUSE = 3  # seconds between the questions of the page, and so its reloads without scripts

STYLE = """
.code { max-width: 264px; margin: 0 auto 24px; padding: 12px; border-radius: 12px; background: #fff }
.code svg { display: block; width: 100% }
[role=status] { min-height: 3em; margin-bottom: 12px; text-align: center; color: var(--ink); font-weight: 600 }
"""
SCRIPT = f"""
const line = document.querySelector("[role=status]")
async function follow() {{
  let progress = "unavailable"
  try {{
    const response = await fetch(location.href, {{ headers: {{ Accept: "application/json" }} }})
    const answer = await response.json()
    if (answer.next) return location.replace(answer.next)
    progress = answer.progress
  }} catch {{}}
  if (!(progress in line.dataset)) return location.reload()
  if (line.textContent != line.dataset[progress]) line.textContent = line.dataset[progress]
  setTimeout(follow, {POLL_PAUSE * 1000})
}}
setTimeout(follow, {POLL_PAUSE * 1000})
"""


def hash_of(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode('ascii')}'"


OUR_STYLE = f"'sha256-{STYLE_HASH}'"
POLICY = f"; script-src {hash_of(SCRIPT)}; connect-src 'self'"
HEAD = f'<style>{STYLE}</style>\n<noscript><meta http-equiv="refresh" content="{POLL_PAUSE}"></noscript>\n'


def qr_page(
    pages: Pages, texts: Translation, text: str, progress: str, *, login_url: str, back: str, phone_url: str | None
) -> Response:
    """Return the page with the QR code of this text.

    Args:
        pages (Pages): The pages of the TikTok app.
        texts (Translation): The texts in the visitor's language.
        text (str): The text of the code.
        progress (str): One of PROGRESS.
        login_url (str): The link that signs in on this device instead.
        back (str): The link back to the site.
        phone_url (str | None): The page of the emulator that scans the code, for developers. None: it is not shown.
    """
    svg = segno.make(text, error="m", micro=False).svg_inline(omitsize=True)
    lines = " ".join(f'data-{name}="{escape(texts[f"qr_{name}"])}"' for name in PROGRESS)
    more = (
        f'<div class="code" role="img" aria-label="{escape(texts["qr_image"])}">{svg}</div>'
        f'<p role="status" {lines}>{escape(texts[f"qr_{progress}"])}</p>'
    )
    if phone_url is not None:
        more += (
            '<aside lang="en" dir="ltr"><b>For the developer (shown on localhost only)</b>No real phone can scan the '
            f'code of an emulator. <a href="{escape(phone_url)}" target="_blank">Scan it with the emulated phone</a>'
            "</aside>"
        )
    more += f'<a class="button" href="{escape(login_url)}">{escape(texts["qr_this_device"])}</a>'
    more += f'<a class="back" href="{escape(back)}">{escape(texts["back"])}</a>'
    more += f"<script>{SCRIPT}</script>"
    response = pages.render(texts, texts["qr.title"], texts["qr.text"], more, more_head=HEAD)
    policy = response.headers["Content-Security-Policy"]
    response.headers["Content-Security-Policy"] = policy.replace(OUR_STYLE, f"{OUR_STYLE} {hash_of(STYLE)}") + POLICY
    return response
