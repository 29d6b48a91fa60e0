"""Alembic's environment: runs on the connection that ``Database`` hands over."""

from __future__ import annotations

from alembic import context

from madang.metadata.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
