"""`python -m asgi_tiktok` runs the command `asgi-tiktok`."""

import sys

from asgi_tiktok.commands import main

if __name__ == "__main__":
    sys.exit(main())
