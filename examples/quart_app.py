# /// script
# requires-python = ">=3.11"
# dependencies = ["asgi-tiktok", "quart"]
# ///
"""Sign in with TikTok in Quart.

To run it without a TikTok app, start `asgi-tiktok emulator` in another terminal and set the variables that it
prints. Then run `python examples/quart_app.py` and open http://localhost:8000.
"""

import os

from quart import Quart, render_template_string

from asgi_tiktok.quart import TikTokAuth, current_user, login_required

HOME = """
{% if current_user.is_authenticated %}
  <p>Hello {{ current_user.display_name or "you" }}</p>
  <form method="post" action="{{ tiktok_session.logout_url(next='/') }}"><button>Sign out</button></form>
{% else %}
  {{ tiktok_button(next="/") }}
{% endif %}
"""

app = Quart(__name__)
TikTokAuth(app)


@app.get("/")
async def home() -> str:
    return await render_template_string(HOME)


@app.get("/me")
@login_required
async def me() -> dict[str, object]:
    return {"open_id": current_user.open_id, "name": current_user.display_name}


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ.get("PORT", "8000")))
