"""The README's first command leads to a sign-in."""

from pathlib import Path

import pytest

from .quickstart import TIMEOUT, quickstart


@pytest.mark.soak
def test_readme_command_leads_to_a_sign_in(tmp_path: Path) -> None:
    times = quickstart(tmp_path)

    print(f"{times.serving:.1f} s until the demo was served, {times.signed_in:.1f} s until the sign-in")
    # Much more than the minute that it should take, because the machine may be busy.
    assert times.signed_in < TIMEOUT
