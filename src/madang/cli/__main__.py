"""``python -m madang.cli``."""

from madang.cli import run

run()
