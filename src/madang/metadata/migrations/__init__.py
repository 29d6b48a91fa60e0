"""Alembic's scripts for ``madang.db``."""
