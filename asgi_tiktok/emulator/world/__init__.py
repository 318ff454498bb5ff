"""The data and rules of the emulated TikTok, without HTTP."""
