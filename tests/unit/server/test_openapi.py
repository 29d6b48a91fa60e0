from __future__ import annotations

import orjson

from madang.server.app import describe
from madang.server.openapi import document_text, main

ROUTES = """
GET /login
GET /api/session
POST /api/session
DELETE /api/session
PUT /api/session/password
GET /api/users
POST /api/users
DELETE /api/users/{name}
GET /api/tokens
POST /api/tokens
DELETE /api/tokens/{token_id}
GET /api/overview
GET /api/status
GET /healthz
GET /readyz
GET /metrics
POST /ingest/{stream}
GET /api/streams
GET /api/streams/{stream}
PUT /api/streams/{stream}
GET /api/streams/{stream}/records
GET /api/streams/{stream}/tail
GET /api/streams/{stream}/dead-letters
GET /api/streams/{stream}/dead-letters/summary
POST /api/streams/{stream}/replay
POST /api/streams/{stream}/adopt
GET /api/tables
GET /api/tables/{name}
DELETE /api/tables/{name}
GET /api/catalog
POST /api/sql
GET /api/queries
GET /api/queries/{query_id}
DELETE /api/queries/{query_id}
GET /api/schema/{kind}
"""


def test_the_routes_are_these():
    found = {
        f"{method.upper()} {path}"
        for path, methods in describe().openapi()["paths"].items()
        for method in methods
    }
    assert found == set(ROUTES.split("\n")) - {""}


def test_document_is_the_same_every_time(tmp_path):
    assert main([str(tmp_path / "openapi.json")]) == 0
    assert (tmp_path / "openapi.json").read_bytes() == document_text()


def test_every_operation_is_described_and_named_once():
    document = orjson.loads(document_text())
    tags = {tag["name"] for tag in document["tags"]}
    names = []
    for methods in document["paths"].values():
        for operation in methods.values():
            names.append(operation["operationId"])
            assert operation["description"]
            assert set(operation["tags"]) <= tags
            assert "422" not in operation["responses"]
    assert len(names) == len(set(names))


def test_every_field_is_described():
    schemas = orjson.loads(document_text())["components"]["schemas"]
    for name, schema in schemas.items():
        for field, described in schema.get("properties", {}).items():
            assert described.get("description") or "$ref" in described, f"{name}.{field}"


def test_error_answers_have_the_one_shape():
    document = orjson.loads(document_text())
    for path, methods in document["paths"].items():
        for operation in methods.values():
            for status, answer in operation["responses"].items():
                if status.startswith(("4", "5")) and path != "/readyz":
                    reference = answer["content"]["application/json"]["schema"]["$ref"]
                    assert reference.endswith("/ErrorAnswer")
