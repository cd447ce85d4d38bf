"""Functions that are written for any resource, made into endpoints of one."""

from collections.abc import Callable
from inspect import signature
from typing import Any, TypeVar

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])


def bind(function: EndpointT, **annotations: Any) -> EndpointT:
    """The function, its parameters annotated for FastAPI with what they are in this resource.

    One that is annotated with None is not offered to clients: it keeps its default.
    """
    generic = signature(function)
    parameters = [
        one.replace(annotation=annotations.get(name, one.annotation))
        for name, one in generic.parameters.items()
        if annotations.get(name, one) is not None
    ]
    function.__signature__ = generic.replace(parameters=parameters)  # type: ignore[attr-defined]
    return function
