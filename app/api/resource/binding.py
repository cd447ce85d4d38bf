"""Functions that are written for any resource, made into endpoints of one."""

from collections.abc import Callable
from inspect import signature
from typing import Any, TypeVar

EndpointT = TypeVar("EndpointT", bound=Callable[..., Any])


def bind(function: EndpointT, **annotations: Any) -> EndpointT:
    """The function, its parameters annotated for FastAPI with what they are in this resource."""
    generic = signature(function)
    parameters = [
        one.replace(annotation=annotations.get(name, one.annotation)) for name, one in generic.parameters.items()
    ]
    function.__signature__ = generic.replace(parameters=parameters)  # type: ignore[attr-defined]
    return function
