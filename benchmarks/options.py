"""The command-line options that the benchmarks share."""

from argparse import ArgumentParser

from benchmarks.engines import ENGINES


def new_parser(summary: str | None, *, stores: tuple[str, ...] = tuple(ENGINES)) -> ArgumentParser:
    """Return a parser with `--store`, to which a benchmark can add options."""
    parser = ArgumentParser(description=summary)
    parser.add_argument("--store", choices=(*stores, "all"), default="all")
    return parser


def chosen(store: str, stores: tuple[str, ...] = tuple(ENGINES)) -> tuple[str, ...]:
    """Return the stores that `--store` names."""
    return stores if store == "all" else (store,)
