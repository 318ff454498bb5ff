"""The site of `benchmarks.worker`, for servers that import it."""

import os

from benchmarks.settings import Settings
from benchmarks.worker import new_site

site = new_site(Settings.from_environ(os.environ).new_tiktok())
