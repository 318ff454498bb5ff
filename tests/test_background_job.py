"""The example of a background job runs unchanged, on the store of an app."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from asgi_tiktok import SQLiteStore, TikTok
from asgi_tiktok.emulator import (
    CAST,
    DEFAULT_CLIENT_KEY,
    DEFAULT_CLIENT_SECRET,
    Emulator,
    Person,
    run_emulator,
)
from tests.support.canaries import SECRET_KEY, SECRET_SHAPES
from tests.support.clock import Clock
from tests.support.settings import REDIRECT_URI
from tests.support.tiktok import count_requests, fetch_token, new_tiktok
from tests.support.waiting import TIMEOUT

JOB = Path(__file__).parent.parent / "examples" / "background_job.py"
AMARA, JUN, _, TOMAS, LAYLA = CAST[:5]
DAY = 24 * 60 * 60
BASIC = ("user.info.basic",)
VIDEOS = ("user.info.basic", "video.list")


@pytest.fixture
def store(tmp_path: Path) -> SQLiteStore:
    return SQLiteStore(tmp_path / "store.sqlite3")


def sign_in(tiktok: TikTok, emulator: Emulator, person: Person, scopes: Iterable[str] = VIDEOS) -> None:
    """Store a token of this person whose access token has expired."""

    async def save() -> None:
        token = await fetch_token(tiktok, emulator, person, scopes)
        await tiktok._tokens.save(replace(token, expires_at=int(time.time()) - 1))
        await tiktok.aclose()

    anyio.run(save)


def run_job(store: SQLiteStore, base_url: str) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "TIKTOK_CLIENT_KEY": DEFAULT_CLIENT_KEY,
        "TIKTOK_CLIENT_SECRET": DEFAULT_CLIENT_SECRET,
        "TIKTOK_REDIRECT_URI": REDIRECT_URI,
        "TIKTOK_SECRET_KEY": SECRET_KEY,
        "TIKTOK_STORE": f"sqlite:///{store._path}",
        "TIKTOK_BASE_URL": base_url,
    }
    command = [sys.executable, "-W", "error", str(JOB)]
    job = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT)
    assert not SECRET_SHAPES.search(job.stdout + job.stderr)
    return job


def test_every_user_is_processed(store: SQLiteStore) -> None:
    with run_emulator() as running:
        emulator = running.emulator
        tiktok = new_tiktok(base_url=running.url, store=store)
        for person, scopes in ((AMARA, VIDEOS), (JUN, BASIC), (TOMAS, VIDEOS), (LAYLA, VIDEOS)):
            sign_in(tiktok, emulator, person, scopes)
        emulator.grants.remove(DEFAULT_CLIENT_KEY, LAYLA.open_id)
        emulator.exchanges.clear()
        job = run_job(store, running.url)

    assert (job.returncode, job.stderr) == (0, "")
    lines = dict(line.split(": ", 1) for line in job.stdout.splitlines())
    assert lines.keys() == {person.open_id for person in (AMARA, JUN, TOMAS, LAYLA)}
    assert re.fullmatch(r"45 videos, [\d,]+ views", lines[AMARA.open_id])
    assert re.fullmatch(r"9 videos, [\d,]+ views", lines[TOMAS.open_id])
    assert lines[JUN.open_id] == "skipped, video.list was not granted"
    assert lines[LAYLA.open_id] == "skipped, the user must sign in again"
    # Three refreshes, one of them refused. Three pages of videos for Amara, one for Tomás.
    assert count_requests(emulator, "token") == 3
    assert count_requests(emulator, "video_list") == 4


def test_users_who_must_sign_in_again_soon_are_listed(store: SQLiteStore) -> None:
    clock = Clock()
    with run_emulator(Emulator(clock=clock)) as running:
        tiktok = new_tiktok(base_url=running.url, store=store)
        sign_in(tiktok, running.emulator, AMARA)
        clock.advance(days=170)
        sign_in(tiktok, running.emulator, TOMAS)
        days = [in_ten_days()]
        job = run_job(store, running.url)
        days.append(in_ten_days())

    assert (job.returncode, job.stderr) == (0, "")
    *visits, last = job.stdout.splitlines()
    visited = {visit.split(",")[0] for visit in visits}
    assert visited == {f"{TOMAS.open_id}: 9 videos", f"{AMARA.open_id}: 45 videos"}
    assert last in [f"{AMARA.open_id}: must sign in again by {day}" for day in days]


def test_users_are_kept_while_tiktok_is_unreachable(store: SQLiteStore) -> None:
    with run_emulator() as running:
        sign_in(new_tiktok(base_url=running.url, store=store), running.emulator, AMARA)
    job = run_job(store, running.url)

    assert job.returncode == 0
    assert "refresh failed: refresh: unavailable" in job.stderr
    assert "Traceback" not in job.stderr
    assert job.stdout.startswith(f"{AMARA.open_id}: skipped until the next run: ")
    assert len(job.stdout.splitlines()) == 1


def in_ten_days() -> str:
    return f"{datetime.now(UTC) + timedelta(days=10):%d %B %Y}"
