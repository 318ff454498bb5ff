"""The table of values for `next`, with the verdict on each: next_paths.json."""

import json
from pathlib import Path
from typing import Any

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_suffix(".json").read_text())
