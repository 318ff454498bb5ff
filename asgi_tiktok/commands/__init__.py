"""The commands of asgi-tiktok, a file each; `cli` puts them together."""
