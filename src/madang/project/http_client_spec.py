"""How Prometheus's configuration says that something is fetched: credentials, TLS, proxy."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator

from madang.project.prometheus_types import PromBool, PromSpec, Secret, unreadable


class BasicAuthSpec(PromSpec):
    """User name and password."""

    username: str = ""
    """The user's name."""
    username_file: str = ""
    """A file that holds it; read at every fetch."""
    password: Secret | None = None
    """The password."""
    password_file: str = ""
    """A file that holds it; read at every fetch."""

    @model_validator(mode="after")
    def _check(self) -> BasicAuthSpec:
        if self.password is not None and self.password_file:
            raise unreadable("password and password_file exclude each other")
        if self.username and self.username_file:
            raise unreadable("username and username_file exclude each other")
        return self


class AuthorizationSpec(PromSpec):
    """The ``Authorization`` header."""

    type: str = "Bearer"
    """Its first word."""
    credentials: Secret | None = None
    """The rest of it."""
    credentials_file: str = ""
    """A file that holds the rest; read at every fetch."""

    @model_validator(mode="after")
    def _check(self) -> AuthorizationSpec:
        if self.credentials is not None and self.credentials_file:
            raise unreadable("credentials and credentials_file exclude each other")
        if self.type.strip().lower() == "basic":
            raise unreadable("authorization.type cannot be Basic", "write basic_auth instead")
        return self


TlsVersion = Literal["TLS10", "TLS11", "TLS12", "TLS13"]


class TlsSpec(PromSpec):
    """Whom to trust and who we are."""

    ca: str = ""
    """Certificates to trust (PEM)."""
    ca_file: str = ""
    """A file of them; default: the machine's."""
    cert: str = ""
    """Our certificate (PEM)."""
    cert_file: str = ""
    """A file of it."""
    key: Secret | None = None
    """Its key (PEM)."""
    key_file: str = ""
    """A file of it."""
    server_name: str = ""
    """The name that the server's certificate must have; default: the host."""
    insecure_skip_verify: PromBool = False
    """Trust whoever answers."""
    min_version: TlsVersion | None = None
    """The oldest version to speak."""
    max_version: TlsVersion | None = None
    """The newest version to speak."""

    @model_validator(mode="after")
    def _check(self) -> TlsSpec:
        for name in ("ca", "cert", "key"):
            if getattr(self, name) and getattr(self, f"{name}_file"):
                raise unreadable(f"{name} and {name}_file exclude each other")
        if bool(self.cert or self.cert_file) != bool(self.key or self.key_file):
            raise unreadable("a certificate and its key are given together or not at all")
        if self.min_version and self.max_version and self.max_version < self.min_version:
            raise unreadable("max_version is older than min_version")
        return self


def _proxy(value: str) -> str:
    parts = urlsplit(value)
    if value and (parts.scheme != "http" or not parts.hostname):
        raise unreadable(f"{value!r} is no proxy that Madang can use", "http://host:port")
    return value


class HttpClientSpec(PromSpec):
    """What jobs and HTTP discovery have in common."""

    basic_auth: BasicAuthSpec | None = None
    """User name and password."""
    authorization: AuthorizationSpec | None = None
    """The ``Authorization`` header."""
    bearer_token: Secret | None = None
    """Older form of ``authorization.credentials``."""
    bearer_token_file: str = ""
    """Older form of ``authorization.credentials_file``."""
    tls_config: TlsSpec | None = None
    """TLS."""
    proxy_url: Annotated[str, AfterValidator(_proxy)] = ""
    """An HTTP proxy to go through."""
    follow_redirects: PromBool = True
    """Whether redirects are followed."""
    enable_http2: PromBool = True
    """Taken for compatibility: Madang speaks HTTP/1.1."""

    @model_validator(mode="after")
    def _check_one_way_in(self) -> HttpClientSpec:
        names = ("basic_auth", "authorization", "bearer_token", "bearer_token_file")
        given = [name for name in names if getattr(self, name)]
        if len(given) > 1:
            raise unreadable(f"{' and '.join(given)} exclude each other", "keep one of them")
        return self
