"""The demo: a small site, and an emulated TikTok that it signs in with."""

from asgi_tiktok.demo.browser import open_browser
from asgi_tiktok.demo.servers import RunningServer, run_demo, serve_emulator

__all__ = ["RunningServer", "open_browser", "run_demo", "serve_emulator"]
