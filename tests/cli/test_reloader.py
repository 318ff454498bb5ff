from pathlib import Path

import pytest

from asgi_tiktok.commands.reloader import own_files


@pytest.mark.parametrize("others", ["env/lib", "node_modules/tool", ".git/hooks", "blog/__pycache__"])
def test_files_that_are_not_the_apps_own_are_not_watched(tmp_path: Path, others: str) -> None:
    for name in ("main.py", "blog/views.py", "blog/page.html", "env/pyvenv.cfg", f"{others}/other.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    assert {*own_files(tmp_path)} == {tmp_path / "main.py", tmp_path / "blog/views.py"}
