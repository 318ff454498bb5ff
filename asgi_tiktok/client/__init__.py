"""Requests to TikTok. Nothing here knows incoming requests or stores."""
