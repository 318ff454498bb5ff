"""`python -m asgi_tiktok` runs the command `asgi-tiktok`."""

import sys

from _asgi_tiktok_command import main

if __name__ == "__main__":
    sys.exit(main())
