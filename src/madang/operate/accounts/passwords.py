"""Password hashes: argon2id, with the library's parameters, raised as they rise."""

from __future__ import annotations

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from madang.core.errors import InvalidInputError, Place

MIN_LENGTH = 8
MAX_LENGTH = 256


class Passwords:
    """Hashes and checks passwords; at most two at once, since each takes 64 MiB for a moment."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._slots = threading.BoundedSemaphore(2)
        self._nobodys: str | None = None

    def hash(self, password: str) -> str:
        """The hash to store.

        Raises:
            InvalidInputError: the password is too short or too long.
        """
        if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            raise InvalidInputError(
                f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters, not {len(password)}",
                where=Place("password"),
            )
        with self._slots:
            return self._hasher.hash(_normal(password))

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` is the one that was hashed.

        Without a stored hash the work is done all the same, so that the time tells nobody which
        users exist.
        """
        if len(password) > MAX_LENGTH:
            return False
        with self._slots:
            if self._nobodys is None:
                self._nobodys = self._hasher.hash("nobody's password")
            try:
                matches = self._hasher.verify(stored or self._nobodys, _normal(password))
            except (VerificationError, InvalidHashError):
                return False
            return matches and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether the hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)


def _normal(password: str) -> str:
    # macOS sends Korean decomposed, others composed: the same password must fit.
    return unicodedata.normalize("NFC", password)
