"""The demo: a small site, and a TikTok on this machine to sign in with."""

from asgi_tiktok.demo.desktop import open_browser
from asgi_tiktok.demo.running import RunningDemo, run_demo, serve_emulator

__all__ = ["RunningDemo", "open_browser", "run_demo", "serve_emulator"]
