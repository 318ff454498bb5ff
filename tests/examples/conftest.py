import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.demo.test_browser import FLAGS

from .example_app import running

# Whatever a page wants from elsewhere is not found, on a machine with a network too.
ALONE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"


@pytest.fixture(scope="module")
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where the module's EXAMPLE answers, started with its ENVIRON."""
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
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, ALONE])
        yield browser.new_page(viewport={"width": 800, "height": 600})
        browser.close()
