"""Signing in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from madang.core.errors import DeniedError, UnauthenticatedError
from madang.operate.accounts import Identity
from madang.operate.wiring import zone_of
from madang.server.auth import SESSION_COOKIE, HasAccount, MayRead
from madang.server.context import ServerContext
from madang.server.models.session import PasswordChange, SessionAnswer, SessionUser, SignIn
from madang.server.routes.answers import BODY_ERRORS, ERRORS, errors

router = APIRouter(tags=["session"])


@router.get("/login", status_code=303, response_class=RedirectResponse)
def login(
    request: Request,
    code: Annotated[
        str, Query(max_length=512, description="As `madang up` or `madang user link` printed it.")
    ] = "",
) -> Response:
    """Sign in with a one-time link: sets the cookie and goes to the first page."""
    context: ServerContext = request.app.state.context
    secret = context.accounts.sessions.redeem(code)
    if secret is None:
        response = RedirectResponse("/signin?error=code", status_code=303)
    else:
        response = RedirectResponse("/", status_code=303)
        _set_cookie(response, context, secret)
    response.headers["Cache-Control"] = "no-store"
    # The code is in this page's address: the next one must not be told of it.
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


@router.get("/api/session", responses=ERRORS)
def get_session(request: Request, identity: MayRead) -> SessionAnswer:
    """Who is signed in, and what a page needs to know first."""
    return _answer(request.app.state.context, identity)


@router.post(
    "/api/session",
    responses={**BODY_ERRORS, **ERRORS, **errors(s429="Too many failures; see Retry-After.")},
)
def sign_in(request: Request, response: Response, body: SignIn) -> SessionAnswer:
    """Sign in with name and password; sets the cookie. 429 after five failures."""
    context: ServerContext = request.app.state.context
    address = request.client.host if request.client else ""
    _, secret = context.accounts.sign_in(body.name, body.password.get_secret_value(), address)
    _set_cookie(response, context, secret)
    identity = context.accounts.sessions.find(secret)
    if identity is None:
        raise UnauthenticatedError("the user was removed this moment")
    request.scope["madang.identity"] = identity
    return _answer(context, identity)


@router.delete("/api/session", status_code=204, responses=ERRORS)
def sign_out(request: Request, response: Response, identity: HasAccount) -> None:
    """End the session."""
    context: ServerContext = request.app.state.context
    if identity.kind == "session":
        context.accounts.sessions.end(identity.credential)
        request.app.state.authenticator.forget()
    response.delete_cookie(SESSION_COOKIE)


@router.put("/api/session/password", status_code=204, responses={**BODY_ERRORS, **ERRORS})
def set_password(request: Request, body: PasswordChange, identity: HasAccount) -> None:
    """Set one's own password; ends one's other sessions."""
    context: ServerContext = request.app.state.context
    if identity.kind != "session":
        raise DeniedError("a token cannot change a password", hint="sign in and change it there")
    context.accounts.users.set_password(
        identity.user_id,
        body.new.get_secret_value(),
        current=None if body.current is None else body.current.get_secret_value(),
        trusted=identity.by_code,
        keep_session=identity.credential,
    )
    request.app.state.authenticator.forget()


def _set_cookie(response: Response, context: ServerContext, secret: str) -> None:
    response.set_cookie(
        SESSION_COOKIE,
        secret,
        max_age=round(context.accounts.sessions.age_s),
        path="/",
        httponly=True,
        samesite="lax",
        secure=context.secure_cookie,
    )


def _answer(context: ServerContext, identity: Identity) -> SessionAnswer:
    project = context.project()
    return SessionAnswer(
        user=SessionUser(name=identity.user, role=identity.role),
        time_zone=zone_of(project),
        platform=project.platform.name,
        version=context.version,
        by_link=identity.kind == "session" and identity.by_code,
        must_set_password=identity.kind == "session" and not identity.has_password,
    )
