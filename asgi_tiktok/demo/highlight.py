"""Wrap the comments, strings, keywords and numbers of Python and JSON in elements that the style sheet colours."""

import keyword
import re

from markupsafe import Markup

WORDS = "|".join((*keyword.kwlist, "null", "true", "false"))
TOKEN = re.compile(
    r"(?P<comment>#.*)"
    r"|(?P<string>(?:\b[bf])?(?:\"{3}[\s\S]*?\"{3}|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'))"
    rf"|(?P<keyword>\b(?:{WORDS})\b)"
    r"|(?P<number>\b\d[\d.]*\b)"
    r"|(?P<decorator>^@[\w.]+)",
    re.MULTILINE,
)


def highlight(code: str) -> Markup:
    """Return the code as HTML, in which each marked part is an element with its kind as the class."""
    html, end = Markup(), 0
    for token in TOKEN.finditer(code):
        html += code[end : token.start()]
        html += Markup('<span class="{}">{}</span>').format(token.lastgroup, token[0])
        end = token.end()
    return html + code[end:]
