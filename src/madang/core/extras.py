"""Packages that only some need: imported where they are used; what is missing is said."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from madang.core.errors import InvalidInputError


def require(module: str, *, extra: str, why: str) -> ModuleType:
    """Import ``module``, which the extra ``extra`` of the package brings.

    Raises:
        InvalidInputError: it is not installed; the message says ``why`` it is needed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        raise InvalidInputError(
            f"{why} needs the package {module.partition('.')[0]}, which is not installed",
            hint=f"pip install 'madang[{extra}]'",
        ) from None
