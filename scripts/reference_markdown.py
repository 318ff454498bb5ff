"""The reference as Markdown: the pages of docs/reference, with signatures and docstrings instead of directives."""

import re
from functools import cache

import griffe

DIRECTIVE = re.compile(r"^::: (\S+)\n((?:    .*\n)*)", re.MULTILINE)


@cache
def package() -> griffe.Object | griffe.Alias:
    return griffe.load("asgi_tiktok", resolve_aliases=True)


def expand(text: str) -> str:
    """Replace each directive of mkdocstrings by what it stands for."""
    return DIRECTIVE.sub(
        lambda found: described(found[1], undocumented="show_if_no_docstring: true" in found[2]), text
    )


def described(path: str, *, undocumented: bool) -> str:
    """Return the heading, the signature and the docstring of a name, and of its public members.

    `undocumented` includes members without a docstring.
    """
    named = package()[path.removeprefix("asgi_tiktok.")]
    if named.is_module:
        return f"{named.docstring.value}\n" if named.docstring else ""
    members = named.all_members.values() if named.is_class else ()
    public = [
        member for member in members if (member.has_docstring or undocumented) and not member.name.startswith("_")
    ]
    return "\n".join([entry(named, "###", path), *(entry(member, "####", member.name) for member in public)])


def entry(named: griffe.Object | griffe.Alias, level: str, title: str) -> str:
    code = signature(named)
    parts = [f"{level} {title}", f"```python\n{code}\n```" if code else "", named.docstring and named.docstring.value]
    return "\n\n".join(filter(None, parts)) + "\n"


def signature(named: griffe.Object | griffe.Alias) -> str:
    """Return how the name is declared, or "" for a class without a constructor of its own."""
    if named.is_attribute:
        return f"{named.name}: {named.annotation}" if named.annotation else f"{named.name} = {named.value}"
    if named.is_function:
        return str(named.signature(return_type=True))
    return str(named.signature() or "")
