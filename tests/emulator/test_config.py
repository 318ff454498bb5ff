from pathlib import Path

import pytest

from asgi_tiktok.emulator import CAST, DEFAULT_APP, ConfigError, Emulator, run_emulator

ADA = '[[people]]\nopen_id = "ada"\ndisplay_name = "Ada"\n'
APP = '[[apps]]\nclient_key = "sbmine"\nclient_secret = "s"\nredirect_uris = ["http://localhost:*/cb"]\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "emulator.toml"


def test_config_file_sets_apps_people_and_knobs(file: Path) -> None:
    more = 'is_verified = true\nfollower_count = 7\n[knobs]\nlifetimes = "legacy"\npartial_grant = ["video.list"]\n'
    file.write_text(APP + 'webhook_url = "http://localhost:8000/hook"\n' + ADA + more)
    emulator = Emulator.from_config(str(file))

    assert [*emulator.apps] == ["sbmine"]
    assert emulator.people["ada"].follower_count == 7
    assert emulator.apps["sbmine"].redirect_uris == ("http://localhost:*/cb",)
    assert (emulator.knobs.lifetimes, emulator.knobs.partial_grant) == ("legacy", {"video.list"})


def test_emulator_with_a_config_file_can_have_another_name(file: Path) -> None:
    file.write_text(ADA)
    emulator = Emulator.from_config(file, public_url="http://emulator:8700")

    with run_emulator(emulator, host="0.0.0.0") as running:
        assert running.url == "http://emulator:8700"
    assert [*emulator.people] == ["ada"]


def test_missing_tables_use_the_defaults(file: Path) -> None:
    file.write_text("")
    emulator = Emulator.from_config(file)

    assert [*emulator.apps.values()] == [DEFAULT_APP]
    assert (*emulator.people.values(),) == CAST


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "[[people]]\ndisplay_name = 'Ada'",
            '[[people]] number 1 has no open_id; add it, for example open_id = "ada".',
        ),
        ("[[people]]\nopen_id = ''\ndisplay_name = 'A'", "[[people]] number 1 has no open_id"),
        (ADA + ADA.replace('"ada"', "7"), "[[people]] number 2: open_id must be a string in quotes, not 7"),
        (ADA + "folower_count = 7", "[[people]] number 1: unknown key folower_count; did you mean follower_count?"),
        (ADA + "follower_count = true", "follower_count must be a whole number, not True"),
        (ADA + "is_verified = 1", "is_verified must be true or false, not 1"),
        (ADA + ADA, "[[people]] has open_id 'ada' twice; it must be unique."),
        ("people = 7", "people is not a list of tables; write [[people]] above each."),
        ("[people]\nopen_id = 'ada'", "people is not a list of tables"),
        ("[[peeple]]\nopen_id = 'ada'", "unknown table peeple; did you mean people?"),
        ("zzz = 1", "unknown table zzz; use one of apps, people, knobs."),
        (
            "[[apps]]\nclient_key = 'k'",
            '[[apps]] number 1 has no client_secret; add it, for example client_secret = "',
        ),
        (APP.replace("http://localhost:*/cb", "http://app.example.com/cb"), "must begin with https:// (Web)"),
        (APP.replace('["http://localhost:*/cb"]', '"http://localhost:*/cb"'), "must be a list of strings, not 'http"),
        (APP.replace('"http://localhost:*/cb"', "1"), "redirect_uris must be a list of strings, not [1]"),
        (
            APP.replace('client_secret = "s"', "client_secret = 99887766"),
            "client_secret must be a string in quotes, not …",
        ),
        (APP + "webhook_url = 'https://app.example.com/hook'", "is not on this machine"),
        (APP + "webhook_url = 'http://[/hook'", "is not on this machine"),
        (APP + "webhook_url = 'http://localhost:99999/hook'", "is not on this machine"),
        (APP + "webhook_url = 'ftp://localhost/hook'", "is not on this machine"),
        ("[knobs]\nlifetime = 'new'", "[knobs]: unknown key lifetime; did you mean lifetimes?"),
        ("[knobs]\nlifetimes = 'long'", "[knobs]: lifetimes='long' is not one of 'new', 'legacy'"),
        ("knobs = 1", "knobs is not a table; write [knobs] above the settings."),
        ("people = [", "is not valid TOML"),
    ],
)
def test_config_error_is_one_sentence_with_the_fix(file: Path, text: str, expected: str) -> None:
    file.write_text(text)

    with pytest.raises(ConfigError) as caught:
        Emulator.from_config(file)
    message = str(caught.value)
    assert expected in message
    assert message.startswith(str(file))
    assert "\n" not in message
    assert "99887766" not in message


def test_missing_or_binary_config_file(file: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        Emulator.from_config(file)
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not valid TOML"):
        Emulator.from_config(file)
