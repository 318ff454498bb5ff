"""Inspect or transform one request or response. Nothing here knows TikTok or a store."""
