"""Sign in to the demo like a visitor, and make pictures of its pages and of the emulator's pages."""

import base64
import sys
import tempfile
from pathlib import Path
from typing import Literal

import httpx2
from playwright.sync_api import Browser, Page

from asgi_tiktok.demo import RunningServer, run_demo
from asgi_tiktok.emulator import DEFAULT_CLIENT_KEY, DEFAULT_CLIENT_SECRET
from tests.support.chromium import LOOPBACK_ONLY, open_chromium

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
MAX_BYTES = 80_000
# Playwright writes only PNG and JPEG, but Chromium itself can write WebP.
TO_WEBP = """async png => {
    const picture = new Image();
    picture.src = `data:image/png;base64,${png}`;
    await picture.decode();
    const canvas = document.createElement("canvas");
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext("2d").drawImage(picture, 0, 0);
    return canvas.toDataURL("image/webp", 0.8).split(",")[1];
}"""


def main(folder: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as data, open_chromium(LOOPBACK_ONLY) as chromium:
        for scheme in SCHEMES:
            with run_demo(folder=Path(data, scheme)) as demo:
                visit(chromium, demo, scheme, folder)
    return 0


def visit(chromium: Browser, demo: RunningServer, scheme: Literal["light", "dark"], folder: Path) -> None:
    """Sign in, make a request that TikTok refuses, and take the pictures on the way."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme)
    page = context.new_page()
    page.goto(demo.url)
    save(page, folder / f"demo-{scheme}.webp")
    page.get_by_role("link", name="Continue with TikTok").first.click()
    save(page, folder / f"consent-{scheme}.webp")
    page.get_by_role("button", name="Continue").click()
    page.wait_for_url(f"{demo.url}/**")
    refresh_with_old_token(demo.emulator.url)
    page.goto(f"{demo.emulator.url}/_emulator/")
    page.locator("summary", has_text="authorization_code").click()
    page.get_by_role("heading").first.hover()
    save(page, folder / f"inspector-{scheme}.webp")
    context.close()


def refresh_with_old_token(emulator: str) -> None:
    form = {"client_key": DEFAULT_CLIENT_KEY, "client_secret": DEFAULT_CLIENT_SECRET}
    httpx2.post(
        f"{emulator}/v2/oauth/token/",
        data={**form, "grant_type": "refresh_token", "refresh_token": "rft.emulator.used-before"},
    )


def save(page: Page, path: Path) -> None:
    """Write a WebP picture of what is visible."""
    png = base64.b64encode(page.screenshot(animations="disabled")).decode()
    # The pages' own Content-Security-Policy would forbid the conversion.
    blank = page.context.new_page()
    path.write_bytes(base64.b64decode(blank.evaluate(TO_WEBP, png)))
    blank.close()
    size = path.stat().st_size
    print(f"{path} {size / 1000:.0f} kB")
    if size > MAX_BYTES:
        raise SystemExit(f"{path} has {size} bytes, more than {MAX_BYTES}. Lower the quality in TO_WEBP.")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
