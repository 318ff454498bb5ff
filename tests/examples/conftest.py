from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.support.chromium import LOOPBACK_ONLY, open_chromium
from tests.support.example_app import running


@pytest.fixture(scope="module")
def address(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the module's EXAMPLE, which runs with its ENVIRON."""
    environ = getattr(request.module, "ENVIRON", {})
    with running(request.module.EXAMPLE, tmp_path_factory.mktemp("example"), **environ) as address:
        yield address


@pytest.fixture
def page() -> Iterator[Page]:
    with open_chromium(LOOPBACK_ONLY) as browser:
        yield browser.new_page(viewport={"width": 800, "height": 600})
