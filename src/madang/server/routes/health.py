"""Is it alive, is it ready, what does it count: for machines, without sign-in."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse

from madang.operate.health import Health
from madang.server.context import ServerContext
from madang.server.flow_metrics import flow_exposition
from madang.server.models.health import CheckAnswer, ReadyAnswer

router = APIRouter(tags=["health"])


@router.get("/healthz", response_class=PlainTextResponse)
async def healthz() -> str:
    """Answers ``ok`` while the process runs."""
    return "ok\n"


@router.get("/readyz", response_model=ReadyAnswer, responses={503: {"model": ReadyAnswer}})
def readyz(request: Request, response: Response) -> ReadyAnswer:
    """Whether the platform accepts and answers; 503 where it does not."""
    context: ServerContext = request.app.state.context
    checks = _checks(context.health())
    ready = all(check.ok for check in checks.values())
    if not ready:
        response.status_code = 503
        response.headers["Retry-After"] = "1"
    return ReadyAnswer(ready=ready, checks=checks)


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(request: Request) -> Response:
    """Madang's own metrics in Prometheus' text format."""
    context: ServerContext = request.app.state.context
    text = context.metrics() + flow_exposition(context, request.app.state.sampler)
    return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")


def _checks(health: Health) -> dict[str, CheckAnswer]:
    errors = [problem for problem in health.problems if problem.severity == "error"]
    checks = {
        "platform": CheckAnswer(
            ok=health.word != "down",
            message=errors[0].message if health.word == "down" and errors else health.word,
        )
    }
    for role in health.roles:
        running = role["state"] in ("running", "ready")
        checks[role["name"]] = CheckAnswer(ok=running, message=str(role["state"]))
    return checks
