"""The arithmetic of docs/capacity.md is right."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent.joinpath("docs/capacity.md").read_text()
INPUTS = re.findall(r"^\| `(\w+)` \|.*?\| `([^`]+)` \|", PAGE, re.MULTILINE)
LINES = re.findall(r"^\|[^|`]+\| `(\w+)` \| `([^`]+)` \|(.+)\|$", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("column", "users"), [(0, 10**6), (1, 10**7), (2, 10**8)])
def test_every_figure_follows_from_its_formula(column: int, users: int) -> None:
    values: dict[str, float] = {"U": users}
    for symbol, formula in INPUTS:
        values.setdefault(symbol, eval(formula, {}, values))  # noqa: S307

    assert len(LINES) > 10
    for symbol, formula, figures in LINES:
        values[symbol] = eval(formula, {}, values)  # noqa: S307
        shown = float(figures.split("|")[column].replace(",", ""))
        assert values[symbol] == pytest.approx(shown, rel=0.05), symbol
