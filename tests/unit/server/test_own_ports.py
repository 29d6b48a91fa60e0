from __future__ import annotations

import socket

import httpx
import pytest

from madang.core.errors import UnavailableError
from madang.operate.listen import open_listeners
from madang.project import OwnPortSpec, PortsSpec
from madang.server.own_ports import OwnPort

SPECS = {
    "prometheus": OwnPortSpec(port=0),
    "influx": OwnPortSpec(port=0),
    "otlp": OwnPortSpec(port=0, anonymous=False),
}


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    """A server with three further ports; clients for them."""
    from unit.server.conftest import World

    world = World(tmp_path_factory.mktemp("ports"))
    listeners = {name: socket.create_server(("127.0.0.1", 0)) for name in SPECS}
    own = {
        one.getsockname()[1]: OwnPort.of(name, SPECS[name], one) for name, one in listeners.items()
    }
    world.serve(further=listeners.values(), ports=own)
    clients = {
        name: httpx.Client(
            base_url=f"http://127.0.0.1:{one.getsockname()[1]}", trust_env=False, timeout=10
        )
        for name, one in listeners.items()
    }
    clients["main"] = world.client()
    clients["token"] = world.client("ingest")
    yield clients
    for client in clients.values():
        client.close()
    world.close()


def test_paths_are_those_that_are_known(ports):
    influx = ports["influx"]
    assert influx.get("/ping").status_code == 204
    assert influx.post("/write?db=x", content="m v=1").status_code == 204
    assert influx.post("/api/v2/write?bucket=x", content="m v=1").status_code == 204
    assert ports["main"].post("/write?db=x", content="m v=1").status_code == 404


@pytest.mark.parametrize(
    ("port", "path", "told"),
    [
        ("influx", "/writ", ("there is nothing at /writ", "did you mean /write?")),
        ("influx", "/api/v2/write", ("/api/v2/write does not take GET", "it takes POST")),
        (
            "main",
            "/influx/writ",
            ("there is nothing at /influx/writ", "did you mean /influx/write?"),
        ),
    ],
)
def test_what_is_wrong_with_a_path_is_said_of_the_path_that_was_asked(ports, port, path, told):
    said = ports[port].get(path).text
    assert all(part in said for part in told)


def test_prometheus_s_api_is_where_it_is_known(ports):
    told = ports["prometheus"].get("/graph").json()["error"]
    assert told == "there is nothing at /graph: the API is at /api/v1/"
    assert ports["main"].post("/influx/write?db=x", content="m v=1").status_code == 401


@pytest.mark.parametrize(
    "path",
    ["/", "/healthz", "/api/session", "/ingest/orders", "/influx/write", "/login", "/x/../y"],
)
def test_nothing_else_is_there(ports, path):
    assert ports["influx"].get(path).status_code == 404
    assert ports["influx"].post(path).status_code == 404


def test_who_has_no_token_may_what_the_port_says(ports):
    otlp = ports["otlp"]
    assert otlp.post("/v1/metrics", content=b"").status_code == 401
    headers = {"Authorization": ports["token"].headers["Authorization"]}
    assert otlp.post("/v1/metrics", content=b"", headers=headers).status_code == 200
    # A credential that does not hold is no less than none.
    headers = {"Authorization": "Token left-from-before"}
    assert ports["influx"].post("/write", content="m v=1", headers=headers).status_code == 204
    # Read is answered by the role that answers PromQL: not denied.
    status = ports["prometheus"].get("/api/v1/query?query=up").status_code
    assert status not in (401, 403, 404)


def test_a_foreign_page_sends_nothing(ports):
    influx = ports["influx"]
    headers = {"Origin": "http://evil.example"}
    assert influx.post("/write", content="m v=1", headers=headers).status_code == 401
    headers = {"Host": "evil.example"}
    assert influx.post("/write", content="m v=1", headers=headers).status_code == 421


@pytest.mark.parametrize(
    ("host", "anonymous", "expected"),
    [
        ("127.0.0.1", None, True),
        ("127.0.0.1", False, False),
        ("0.0.0.0", None, False),
        ("0.0.0.0", True, True),
    ],
)
def test_anonymous_on_loopback_only_unless_it_is_written(host, anonymous, expected):
    with socket.create_server((host, 0)) as listener:
        spec = OwnPortSpec(port=0, host=host, anonymous=anonymous)
        port = OwnPort.of("influx", spec, listener)
    assert (port.anonymous is not None) is expected
    assert (port.hosts is None) is (host == "0.0.0.0")


def test_a_port_that_is_taken_is_said_with_its_key():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        specs = PortsSpec(otlp=OwnPortSpec(port=0), influx=OwnPortSpec(port=number))
        with pytest.raises(UnavailableError) as refused:
            open_listeners("127.0.0.1", 0, specs)
    assert str(refused.value) == (
        f"port {number} on 127.0.0.1 is taken by another program "
        "(stop it, or choose another: server.ports.influx.port in madang.yml)"
    )
    listeners = open_listeners("127.0.0.1", 0, PortsSpec(otlp=OwnPortSpec(port=0)))
    assert set(listeners.own) == {"otlp"}
    listeners.close()
