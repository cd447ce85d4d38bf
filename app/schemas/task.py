"""A task, as its owner sends and gets it."""

from datetime import date
from typing import Annotated

from pydantic import Field, StringConstraints

from app.core import patterns
from app.schemas.types import UNSENT, Day, Flag, Input, Read

Title = Annotated[
    str,
    StringConstraints(pattern=patterns.LINE_OF_3, strip_whitespace=True, min_length=3, max_length=50),
    Field(examples=["Buy peas"]),
]
Description = Annotated[str, StringConstraints(pattern=patterns.TEXT, max_length=500)]


class TaskCreate(Input):
    title: Title
    description: Description = ""
    due_date: Day | None = None
    completed: Flag = False


class TaskUpdate(Input):
    title: Title = UNSENT
    description: Description = UNSENT
    due_date: Day | None = UNSENT
    completed: Flag = UNSENT


class TaskRead(Read):
    title: str
    description: str
    due_date: date | None
    completed: bool
