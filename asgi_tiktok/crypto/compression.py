"""Compression of records before they are sealed: raw deflate (RFC 1951) with a preset dictionary.

A sealed record does not hide its length, which shows how often its text repeats itself. Therefore a record that has
both a secret and text that a visitor chooses must not be compressed, and a dictionary must not have such text.
"""

import zlib
from dataclasses import dataclass

MAX_LENGTH = 4096  # bytes that are compressed at most
WINDOW_BITS = -12  # raw deflate that refers to at most 4096 bytes before
LEVEL = 9


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Text that records share.

    Attributes:
        number (int): The first byte of everything that is compressed with this text. Another text needs another
            number. JSON never begins with a byte below 9.
        text (bytes): The text that records share, the most frequent parts last.
    """

    number: int
    text: bytes

    def compress(self, text: bytes) -> bytes:
        """Return the text in fewer bytes, or unchanged if it is long."""
        if len(text) >= MAX_LENGTH:
            return text
        deflate = zlib.compressobj(LEVEL, wbits=WINDOW_BITS, zdict=self.text)
        return bytes([self.number]) + deflate.compress(text) + deflate.flush()

    def decompress(self, data: bytes) -> bytes:
        """Return the text again. Text that was not compressed is returned unchanged.

        Raises ValueError for data that `compress` does not return.
        """
        if data[:1] != bytes([self.number]):
            return data
        inflate = zlib.decompressobj(WINDOW_BITS, self.text)
        try:
            text = inflate.decompress(data[1:], MAX_LENGTH)
        except zlib.error as error:
            raise ValueError("The data is not compressed text.") from error
        if not inflate.eof or inflate.unused_data:
            raise ValueError("The data is incomplete, or longer than a compressed text.")
        return text
