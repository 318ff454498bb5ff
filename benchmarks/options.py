"""What every benchmark can be told on the command line."""

from argparse import ArgumentParser

from benchmarks.engines import ENGINES


def new_parser(summary: str | None, *, stores: tuple[str, ...] = tuple(ENGINES)) -> ArgumentParser:
    """A parser with `--store`, for those who know more options."""
    parser = ArgumentParser(description=summary)
    parser.add_argument("--store", choices=(*stores, "all"), default="all")
    return parser


def chosen(store: str, stores: tuple[str, ...] = tuple(ENGINES)) -> tuple[str, ...]:
    """The stores that `--store` names."""
    return stores if store == "all" else (store,)
