"""API tokens: one's own; an admin sees and revokes everybody's."""

from __future__ import annotations

from fastapi import APIRouter, Request

from madang.core.errors import DeniedError
from madang.operate.accounts import Identity, Permission, Scope
from madang.server.auth import HasAccount
from madang.server.context import ServerContext
from madang.server.models.base import instant, maybe_instant
from madang.server.models.session import MadeToken, NewToken, TokenRow, TokensAnswer
from madang.server.routes.answers import BODY_ERRORS, ERRORS, NAMED_ERRORS

router = APIRouter(prefix="/api/tokens", tags=["tokens"])
_NEEDED = {
    Scope.INGEST: Permission.INGEST,
    Scope.READ: Permission.READ,
    Scope.ADMIN: Permission.ADMIN,
}


@router.get("", responses=ERRORS)
def list_tokens(request: Request, identity: HasAccount) -> TokensAnswer:
    """Tokens, newest first."""
    context: ServerContext = request.app.state.context
    rows = [
        TokenRow(
            id=token.id,
            name=token.name,
            scope=token.scope,
            owner=token.owner,
            created_at=instant(token.created_at_us),
            last_used_at=maybe_instant(token.last_used_at_us),
            expires_at=maybe_instant(token.expires_at_us),
        )
        for token in context.accounts.tokens.all(user_id=_whose(identity))
    ]
    return TokensAnswer(tokens=rows)


@router.post("", status_code=201, responses={**BODY_ERRORS, **ERRORS})
def create_token(request: Request, body: NewToken, identity: HasAccount) -> MadeToken:
    """Make a token; its secret is shown this once."""
    context: ServerContext = request.app.state.context
    if not identity.may(_NEEDED[body.scope]):
        raise DeniedError(
            f"{identity} cannot make a token of scope {body.scope.value!r}",
            hint="a token never may more than the one who makes it",
        )
    made = context.accounts.tokens.create(
        body.name, body.scope, user_id=identity.user_id, expires_in_s=body.expires_in_s
    )
    request.app.state.authenticator.forget()
    return MadeToken(id=made.id, name=made.name, scope=made.scope, token=made.secret)


@router.delete("/{token_id}", status_code=204, responses=NAMED_ERRORS)
def delete_token(request: Request, token_id: str, identity: HasAccount) -> None:
    """Revoke a token; it stops working within five seconds everywhere, here at once."""
    context: ServerContext = request.app.state.context
    context.accounts.tokens.delete(token_id, user_id=_whose(identity))
    request.app.state.authenticator.forget()


def _whose(identity: Identity) -> int | None:
    return None if identity.may(Permission.ADMIN) else identity.user_id
