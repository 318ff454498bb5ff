"""Print results as a Markdown table, for the terminal and for docs/performance.md."""

from collections.abc import Sequence

NONE = "–"  # a cell without a figure


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print the rows below their headers. Columns of numbers are aligned to the right."""
    texts = [[as_text(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(headers, *texts, strict=True)]
    numeric = [all(isinstance(row[i], int | float) or row[i] == NONE for row in rows) for i in range(len(headers))]
    print(line(headers, widths, numeric))
    print(
        "|"
        + "|".join("-" * (w + 1) + (":" if right else "-") for w, right in zip(widths, numeric, strict=True))
        + "|"
    )
    for row in texts:
        print(line(row, widths, numeric))


def line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    aligned = [c.rjust(w) if right else c.ljust(w) for c, w, right in zip(cells, widths, numeric, strict=True)]
    return "| " + " | ".join(aligned) + " |"


def as_text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:,.2f}"
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
