"""The emulated TikTok without HTTP: apps, people, grants, videos, and the rules between them."""
