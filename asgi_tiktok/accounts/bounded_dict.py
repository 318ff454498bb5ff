"""A dict of bounded size."""

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class BoundedDict(dict[K, V]):
    """A dict that drops its oldest entries, so that it never has more than `max_size`."""

    def __init__(self, max_size: int) -> None:
        super().__init__()
        self.max_size = max_size

    def __setitem__(self, key: K, value: V) -> None:
        while len(self) >= self.max_size and key not in self:
            del self[next(iter(self))]
        super().__setitem__(key, value)
