"""Requests to TikTok. Nothing here knows an incoming request or a store."""
