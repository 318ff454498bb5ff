"""The file .env: variables as `NAME=value`, one a line."""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile

from asgi_tiktok.errors import ConfigurationError

DEFAULT = Path(".env")
LINE = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)")
QUOTED = re.compile(r"(['\"])(.*)\1\s*(?:#.*)?")
UNQUOTED = re.compile(r"[\w%+,./:=@-]*", re.ASCII)
AMBIGUOUS = re.compile(r"""\\|\$\{|'.*["$`]|["$`].*'""")


def read_env_file(path: Path = DEFAULT) -> dict[str, str]:
    """Return the variables in the file; empty if there is no file. Quotes around a value are removed, as by a shell.

    Raises ConfigurationError for a line that is not a variable, and for a file that cannot be read.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read ({error}).", hint="Move it, or make it readable.") from None
    variables = {}
    for number, line in enumerate(map(str.strip, lines), 1):
        if not line or line.startswith("#"):
            continue
        found = LINE.fullmatch(line)
        if found is None:
            raise ConfigurationError(f"{path}, line {number}, is not a variable.", hint="Write NAME=value.")
        quoted = QUOTED.fullmatch(found[2])
        variables[found[1]] = quoted[2] if quoted else re.sub(r"\s+#.*", "", found[2])
    return variables


def write_env_file(path: Path, variables: Mapping[str, str]) -> None:
    """Set the variables in the file, which only the user of this process may read. Other lines stay.

    Raises ConfigurationError if the file cannot be written. It is then unchanged.
    """
    try:
        lines = path.read_text("utf-8").splitlines() if path.is_file() else []
        others = [line for line in lines if not ((found := LINE.fullmatch(line.strip())) and found[1] in variables)]
        content = "\n".join([*others, *(env_line(*item) for item in variables.items()), ""])
        if path.is_file() or not path.exists():
            replace_file(path.resolve(), content)
        else:  # a device or a pipe
            path.write_text(content, "utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fix = "Name a file in a folder that you can write to."
        raise ConfigurationError(f"{path} cannot be written ({error}).", hint=fix) from None


def env_line(name: str, value: str) -> str:
    """Return the line as shells, systemd, python-dotenv and `asgi-tiktok dev` read it.

    Docker reads it, too, unless the value needs quotes, which Docker would not remove.

    Raises ConfigurationError for a value for which there is no such line.
    """
    if UNQUOTED.fullmatch(value):
        return f"{name}={value}"
    if AMBIGUOUS.search(value):
        raise ConfigurationError(
            f'{name} has a backslash, ${{, or a single quote and one of "$`, which programs read in different ways.',
            hint="Choose another value in the file of --config.",
        )
    quote = '"' if "'" in value else "'"
    return f"{name}={quote}{value}{quote}"


def replace_file(path: Path, content: str) -> None:
    """Write the file at once, so that a full disk leaves the old one unchanged. An existing file keeps its mode."""
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=path.name, delete=False) as file:
        try:
            file.write(content)
            file.flush()
            if path.exists():
                shutil.copymode(path, file.name)
            os.replace(file.name, path)
        finally:
            Path(file.name).unlink(missing_ok=True)
