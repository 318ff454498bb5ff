"""The file .env: variables as `NAME=value`, one a line."""

import re
from collections.abc import Mapping
from pathlib import Path

from asgi_tiktok.errors import ConfigurationError

DEFAULT = Path(".env")
LINE = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)")
QUOTED = re.compile(r"(['\"])(.*)\1\s*(?:#.*)?")


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

    Raises ConfigurationError if the file cannot be written.
    """
    try:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        others = [line for line in lines if not ((found := LINE.fullmatch(line.strip())) and found[1] in variables)]
        path.touch(mode=0o600)
        path.write_text("\n".join([*others, *(f"{name}={value}" for name, value in variables.items()), ""]), "utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fix = "Name a file in a folder that you can write to."
        raise ConfigurationError(f"{path} cannot be written ({error}).", hint=fix) from None
