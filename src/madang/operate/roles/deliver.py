"""``deliver``: brings streams into tables, keeps tables tidy and streams short."""

from __future__ import annotations

import logging
import time

import orjson

from madang.core.datadir import DataDir
from madang.core.errors import MadangError
from madang.core.names import DEAD_SUFFIX
from madang.lake import Deliverer, Lake, Upkeep
from madang.operate.health import DELIVERY_FILE
from madang.operate.role import RoleContext
from madang.operate.streams import open_stream
from madang.operate.wiring import decoder_of, open_store
from madang.project import Project, ProjectFollower, StreamSpec
from madang.stream import LogStore

_IDLE_S = 0.1
_STATES_EVERY_S = 2.0
_UPKEEP_EVERY_S = 1.0
_RETENTION_EVERY_S = 30.0
LAKE_GROUP = "lake"
_log = logging.getLogger(__name__)
