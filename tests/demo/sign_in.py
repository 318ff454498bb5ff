"""Sign in to programs that the demo shows, and print what their home pages say then.

Run it in a process of its own, because Django has one configuration for each process:
`python -m tests.demo.sign_in FOLDER MODULE...`
"""

import sys
from html import unescape
from importlib import import_module

import httpx2
from starlette.testclient import TestClient

from tests.support.login import approve
from tests.support.people import AMARA


def main(folder: str, *names: str) -> None:
    sys.path.insert(0, folder)
    for name in names:
        module = import_module(name)
        with TestClient(module.app, base_url=module.tiktok._site.origin, follow_redirects=False) as browser:
            link = unescape(browser.get("/").text.split(' href="')[2].split('"')[0])
            to_tiktok = browser.get(link).headers["location"]
            with httpx2.Client() as at_tiktok:
                callback = approve(at_tiktok, at_tiktok.get(to_tiktok), AMARA.open_id).headers["location"]
            back = browser.get(callback).headers["location"]
            print(f"{name}: {browser.get(back).text.strip()}")


if __name__ == "__main__":
    main(*sys.argv[1:])
