"""How many processes serve this app, as far as one of them can tell."""

import os
import re
import sys
from collections.abc import Mapping, Sequence


def count_workers(argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> int:
    """The number that uvicorn, gunicorn, hypercorn or granian was started with; 1 when none is named."""
    line = " ".join(sys.argv[1:] if argv is None else argv)
    named = re.search(r"(?:^|\s)(?:--workers[= ]|-w[= ]?)(\d{1,4})(?=\s|$)", line)
    if named:
        return int(named[1])
    concurrency = (os.environ if environ is None else environ).get("WEB_CONCURRENCY", "")
    return int(concurrency) if re.fullmatch(r"[0-9]{1,4}", concurrency) else 1
