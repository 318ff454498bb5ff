"""`python -m asgi_tiktok` is the command asgi-tiktok."""

import sys

from asgi_tiktok.cli import main

if __name__ == "__main__":
    sys.exit(main())
