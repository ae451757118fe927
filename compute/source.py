"""What may be deployed: Python that parses and defines the function. Pure; nothing is run."""

from __future__ import annotations

import ast
import hashlib
import keyword
import warnings

from gateway.domain.compute import RunLimits
from gateway.errors import BadInput

LONGEST_NAME = 80
LIMIT_BYTES = 200_000


def check_function(name: str, source: str) -> None:
    """Raise BadInput unless the source defines this function, once, at its top level."""
    if not name.isidentifier() or keyword.iskeyword(name) or len(name) > LONGEST_NAME:
        raise BadInput(f'"{name}" can not be the name of a function.')
    if name.startswith("__"):
        raise BadInput("The name of a function does not begin with two underscores.")
    found = [each for each in _parsed(source).body if _defines(each, name)]
    if len(found) != 1:
        raise BadInput(f'The code defines "{name}" {len(found)} times at its top level, not once.')


def version_of(source: str, limits: RunLimits) -> str:
    """Return the name of this very code with these limits."""
    return hashlib.sha256(f"{limits}\n{source}".encode()).hexdigest()[:16]


def _parsed(source: str) -> ast.Module:
    try:
        if len(source.encode()) > LIMIT_BYTES:
            raise BadInput(f"The code is over {LIMIT_BYTES:,} bytes.")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the code's own, such as an invalid escape
            return ast.parse(source)
    except SyntaxError as error:
        raise BadInput(f"The code can not be read, line {error.lineno}: {error.msg}.") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise BadInput(f"The code can not be read: {type(error).__name__}.") from None


def _defines(statement: ast.stmt, name: str) -> bool:
    is_function = isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef)
    return is_function and statement.name == name
