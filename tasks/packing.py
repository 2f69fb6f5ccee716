"""Calls of typed functions as bytes and back: arguments and answers are checked against the annotations.

Whatever comes from a box is input from outside: only the values a function says it returns are made of it,
and never more than LIMIT bytes.
"""

import base64
import inspect
import json
import typing
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pydantic

from core import errors

LIMIT = 32 * 1024 * 1024
_BYTES = "~b"
# What every function that lasts is given by whoever runs it, and is no value.
_LOCAL = frozenset({"should_stop"})


@cache
def _adapters(do: Callable[..., Any]) -> dict[str, pydantic.TypeAdapter[Any]]:
    hints = typing.get_type_hints(do)
    found = hints.pop("return")
    hints["return"] = typing.get_args(found)[0] if typing.get_origin(found) is Iterator else found
    return {name: pydantic.TypeAdapter(hint) for name, hint in hints.items() if name not in _LOCAL}


def yields(do: Callable[..., Any]) -> bool:
    """Whether the function tells its answer in parts."""
    return inspect.isgeneratorfunction(do)


def is_stoppable(do: Callable[..., Any]) -> bool:
    """Whether the function asks now and then if it shall stop."""
    return "should_stop" in inspect.signature(do).parameters


def pack_call(do: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """Return the arguments as bytes; raises TypeError for what the function does not take."""
    bound = inspect.signature(do).bind_partial(*args, **kwargs).arguments
    adapters = _adapters(do)
    return _written({name: adapters[name].dump_python(value) for name, value in bound.items()})


def unpack_call(do: Callable[..., Any], packed: bytes) -> dict[str, Any]:
    """Return the arguments by name; raises Invalid for what does not fit."""
    return {name: _checked(do, name, value) for name, value in _read(packed).items()}


def pack_answer(do: Callable[..., Any], answer: Any) -> bytes:
    """Return an answer, or a part of one, as bytes."""
    return _written(_adapters(do)["return"].dump_python(answer))


def unpack_answer(do: Callable[..., Any], packed: bytes) -> Any:
    """Return the answer, or the part; raises Invalid for what the function never returns."""
    return _checked(do, "return", _read(packed))


def _checked(do: Callable[..., Any], name: str, value: Any) -> Any:
    try:
        return _adapters(do)[name].validate_python(value)
    except (KeyError, pydantic.ValidationError) as error:
        raise errors.Invalid(f"{do.__name__}: {name} is not what it has to be") from error


def _written(value: Any) -> bytes:
    return zlib.compress(json.dumps(value, default=_as_json, separators=(",", ":")).encode(), 1)


def _as_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return {_BYTES: base64.b64encode(value).decode()}
    raise TypeError(f"{type(value).__name__} is no value to be sent")


def _read(packed: bytes) -> Any:
    unzip = zlib.decompressobj()
    try:
        text = unzip.decompress(packed, LIMIT)
        if unzip.unconsumed_tail:
            raise errors.Invalid("An answer is too large")
        return json.loads(text, object_hook=_revived)
    except (zlib.error, ValueError) as error:
        raise errors.Invalid("What came is not to be read") from error


def _revived(found: dict[str, Any]) -> Any:
    return base64.b64decode(found[_BYTES]) if found.keys() == {_BYTES} else found
