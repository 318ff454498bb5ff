"""What the fuzzers have learned, played again without them."""

from importlib import import_module

import pytest

from fuzz import CORPUS, NAMES

LARGEST = 4096  # bytes


@pytest.mark.parametrize("name", NAMES)
def test_property_holds_for_every_input_of_the_corpus(name: str) -> None:
    run = import_module(f"fuzz.{name}").run
    inputs = {path.name: path.read_bytes() for path in sorted((CORPUS / name).iterdir())}

    assert len(inputs) >= 10
    for title, data in inputs.items():
        assert len(data) <= LARGEST, title
        run(data)
