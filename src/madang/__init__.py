"""Madang: one data platform in one command.

Collect → stream → lake → query → look. ``docs/architecture.md`` is the map of the packages.
"""

__version__ = "0.1.0"
