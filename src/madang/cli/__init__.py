"""The command line: one file per command.

Entry: :func:`main`. A command imports what it needs when it runs, so that ``madang --help`` is
quick. Commands talk HTTP to the running platform, but for ``init``, ``check``, ``schema`` and
``up``.
"""

from madang.cli.app import main, run

__all__ = ["main", "run"]
