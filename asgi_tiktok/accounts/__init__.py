"""The data that is kept for a TikTok account: sessions, token, API client, hooks."""
