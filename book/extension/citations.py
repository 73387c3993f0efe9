"""Citations without waiting.

For each reference pybtex looks for its style and its output format, and so reads the metadata of every installed package: ten
milliseconds each time, seconds in a book. What is installed does not change during a build, so it is asked once.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

import pybtex.plugin
from sphinx.application import Sphinx


def setup(app: Sphinx) -> None:
    pybtex.plugin.entry_points = cache(entry_points)
