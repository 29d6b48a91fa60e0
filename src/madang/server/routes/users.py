"""Users, for admins."""

from __future__ import annotations

from fastapi import APIRouter, Request

from madang.operate.accounts import User
from madang.server.auth import MayAdmin
from madang.server.context import ServerContext
from madang.server.models.base import instant, maybe_instant
from madang.server.models.session import NewUser, UserRow, UsersAnswer
from madang.server.routes.answers import BODY_ERRORS, ERRORS, NAMED_ERRORS, errors

router = APIRouter(prefix="/api/users", tags=["users"])


@router.get("", responses=ERRORS)
def list_users(request: Request, _identity: MayAdmin) -> UsersAnswer:
    """Everybody."""
    context: ServerContext = request.app.state.context
    return UsersAnswer(users=[_row(user) for user in context.accounts.users.all()])


@router.post(
    "",
    status_code=201,
    responses={**BODY_ERRORS, **ERRORS, **errors(s409="The name is taken.")},
)
def create_user(request: Request, body: NewUser, _identity: MayAdmin) -> UserRow:
    """Add a user."""
    context: ServerContext = request.app.state.context
    password = None if body.password is None else body.password.get_secret_value()
    return _row(context.accounts.users.create(body.name, body.role, password))


@router.delete(
    "/{name}", status_code=204, responses={**NAMED_ERRORS, **errors(s409="The last admin stays.")}
)
def delete_user(request: Request, name: str, _identity: MayAdmin) -> None:
    """Remove a user with their sessions and tokens."""
    context: ServerContext = request.app.state.context
    context.accounts.users.delete(name)
    request.app.state.authenticator.forget()


def _row(user: User) -> UserRow:
    return UserRow(
        name=user.name,
        role=user.role,
        created_at=instant(user.created_at_us),
        last_seen_at=maybe_instant(user.last_seen_at_us),
    )
