"""A browser in words that its user recognizes, made from the header `User-Agent`."""

MAX_READ = 1024  # characters of the header

# Of the first text that the header contains. Each browser also names those below it.
BROWSERS = {
    "musical_ly": "TikTok app",
    "BytedanceWebview": "TikTok app",
    "Instagram": "Instagram app",
    "FBAV/": "Facebook app",
    "Edg": "Edge",
    "OPR/": "Opera",
    "OPT/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "CrOS": "ChromeOS",
    "Macintosh": "macOS",
    "Linux": "Linux",
}
UNKNOWN = "Unknown browser"


def describe_browser(user_agent: str) -> str:
    """Return a description like "Firefox on Linux". It contains nothing of the header, which anyone can write."""
    header = user_agent[:MAX_READ]
    browser = next((words for text, words in BROWSERS.items() if text in header), UNKNOWN)
    system = next((words for text, words in SYSTEMS.items() if text in header), None)
    return f"{browser} on {system}" if system else browser
