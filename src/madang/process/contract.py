"""Strict contracts: records that break a JSON Schema become dead letters."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path as FilePath

import duckdb
import jsonschema
import numpy as np
import pyarrow as pa
import referencing
import yaml
from jsonschema.exceptions import SchemaError, best_match

from madang.core.errors import InvalidInputError, Place
from madang.process.contract_sql import Json, PredicateCompiler
from madang.process.engine import Engine
from madang.process.json_text import NotJsonError, refuse_constant
from madang.process.parsed import Dead
from madang.project import ContractSpec

CODE = "contract"
"""Code of the dead letters of records that break the contract."""
_LONGEST = 300
"""Characters of a reason."""
_KNOWN_DIALECTS = ("2020-12", "2019-09", "draft-07", "draft-06")


class Contract:
    """Checks JSON records against a schema.

    Most records are proven valid in SQL; only the others are validated one by one.

    Raises:
        InvalidInputError: the schema cannot be read or is none.
    """

    def __init__(self, engine: Engine, spec: ContractSpec, project_dir: FilePath) -> None:
        self._engine = engine
        schema, where = _load(spec, project_dir)
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        try:
            kind.check_schema(schema)
        except SchemaError as error:
            path = "/".join(str(part) for part in error.absolute_path)
            raise InvalidInputError(
                f"the contract is no JSON Schema: at {path or 'its root'}: {error.message}",
                where=where,
            ) from None
        # An empty registry: references must not reach into the network.
        self._validator = kind(schema, registry=referencing.Registry())
        self._sql = self._compile(schema)

    def broken(self, text: pa.Array) -> list[Dead]:
        """Dead letters of those of ``text`` (JSON objects) that break the contract."""
        rows = np.arange(len(text))
        if self._sql is not None and len(text):
            proven = self._engine.query(self._sql, t=pa.table({"v": text})).column("ok")
            rows = np.flatnonzero(~proven.to_numpy().astype(np.bool_))
        dead = []
        for row in rows.tolist():
            reason = self._violation(text[row].as_py())
            if reason is not None:
                dead.append(Dead(row, CODE, reason))
        return dead

    def _compile(self, schema: Json) -> str | None:
        dialect = schema.get("$schema", "2020-12") if isinstance(schema, Mapping) else "2020-12"
        if not any(known in dialect for known in _KNOWN_DIALECTS):
            return None
        sql = PredicateCompiler().select(schema)
        try:
            self._engine.check(sql, t=pa.table({"v": pa.array(["{}"], pa.string())}))
        except duckdb.Error:
            return None
        return sql

    def _violation(self, record: str) -> str | None:
        try:
            value = json.loads(
                record, object_pairs_hook=_first_wins, parse_constant=refuse_constant
            )
        except NotJsonError:
            return None
        except RecursionError:
            return "nested too deeply to be checked"
        except ValueError:  # Python's limit against quadratic conversion.
            return f"a number of more than {sys.get_int_max_str_digits():,} digits"
        try:
            errors = list(self._validator.iter_errors(value))
        except RecursionError:
            return "nested too deeply to be checked"
        except referencing.exceptions.Unresolvable as error:
            return f"the contract refers to what is not there: {error}"
        if not errors:
            return None
        first = min(errors, key=lambda error: [str(part) for part in error.absolute_path])
        first = best_match([first]) or first
        where = ".".join(str(part) for part in first.absolute_path)
        reason = f"{where}: {first.message}" if where else first.message
        return reason if len(reason) <= _LONGEST else reason[: _LONGEST - 1] + "…"


def _first_wins(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    """As the columns do, of a repeated key the first value counts."""
    return dict(reversed(pairs))


def _load(spec: ContractSpec, project_dir: FilePath) -> tuple[Json, Place | None]:
    if not isinstance(spec.json_schema, str):
        return spec.json_schema, None
    path = project_dir / spec.json_schema
    where = Place(spec.json_schema)
    try:
        # JSON is YAML, so this reads both.
        return yaml.safe_load(path.read_text(encoding="utf-8")), where
    except OSError as error:
        raise InvalidInputError(
            f"the contract's schema cannot be read: {error.strerror or error}",
            hint="the path starts at the project directory",
            where=where,
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"the contract's schema is neither JSON nor YAML: {str(error).splitlines()[0]}",
            where=where,
        ) from None
