import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.demo.test_browser import FLAGS

from .example_app import running

# No page reaches another host, even on a machine with a network.
NO_OTHER_HOSTS = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"


@pytest.fixture(scope="module")
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the module's EXAMPLE, which runs with its ENVIRON."""
    environ = getattr(request.module, "ENVIRON", {})
    with running(request.module.EXAMPLE, tmp_path_factory.mktemp("example"), **environ) as address:
        yield address


@pytest.fixture
def page() -> Iterator[Page]:
    path = shutil.which("chromium")
    if path is None:
        missing = pytest.fail if os.environ.get("CI") else pytest.skip
        missing("no Chromium on this machine; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, NO_OTHER_HOSTS])
        yield browser.new_page(viewport={"width": 800, "height": 600})
        browser.close()
