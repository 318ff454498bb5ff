"""The README's promise of a first minute."""

from pathlib import Path

import pytest

from .quickstart import PATIENCE, quickstart


@pytest.mark.soak
def test_from_an_empty_folder_to_signed_in(tmp_path: Path) -> None:
    times = quickstart(tmp_path)

    print(f"{times.serving:.1f} s to a demo that serves, {times.signed_in:.1f} s to signed in")
    # Far above the minute that the README promises, for a busy machine is no fault.
    assert times.signed_in < PATIENCE
