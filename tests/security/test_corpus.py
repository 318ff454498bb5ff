"""The inputs that the fuzzers have found, run without the fuzzers."""

from importlib import import_module

import pytest

from fuzz import CORPUS, NAMES

MAX_SIZE = 4096  # bytes


@pytest.mark.parametrize("name", NAMES)
def test_property_holds_for_every_input_of_the_corpus(name: str) -> None:
    run = import_module(f"fuzz.{name}").run
    inputs = {path.name: path.read_bytes() for path in sorted((CORPUS / name).iterdir())}

    assert len(inputs) >= 10
    for file_name, data in inputs.items():
        assert len(data) <= MAX_SIZE, file_name
        run(data)
