"""The HTTP endpoints of TikTok."""
