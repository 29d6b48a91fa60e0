"""The metadata database: what is neither a stream, a table nor the project.

``Database`` is a pool of short transactions on ``madang.db`` (SQLite) or, beyond one machine, on
PostgreSQL; it brings the tables up to date when it opens. Packages define their tables on
``METADATA``.
"""

from madang.metadata.database import HEAD, Database
from madang.metadata.engines import with_password
from madang.metadata.tables import METADATA

__all__ = ["HEAD", "METADATA", "Database", "with_password"]
