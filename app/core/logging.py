"""Every line of the log, ours and the libraries', in one form: JSON in production, readable locally."""

import json
import logging
import sys
from collections.abc import Callable
from typing import Any

import structlog
from pydantic_core import to_json
from structlog.typing import EventDict, Processor

from app.core.config import settings

SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]
OUTPUT = logging.StreamHandler(sys.stdout)
NAMES = structlog.stdlib.LoggerFactory(ignore_frame_names=[__name__])


class Logger:
    """What structlog hands our lines to, ready to be written: each request has one, and a `LogRecord` costs more."""

    def __init__(self, *name: str) -> None:
        self.name = NAMES(*name).name

    def write(self, line: str) -> None:
        """As `OUTPUT` itself writes: a line whole or, if that fails, a complaint on standard error and no exception."""
        OUTPUT.acquire()
        try:
            OUTPUT.stream.write(line + OUTPUT.terminator)
            OUTPUT.stream.flush()
        except Exception:
            OUTPUT.handleError(logging.makeLogRecord({"msg": line}))
        finally:
            OUTPUT.release()

    debug = info = warning = error = critical = write


def configure() -> None:
    """Sends all loggers through one handler to standard output. Safe to call again."""
    # Tracebacks without local variables, of which some are passwords.
    traceback = structlog.dev.plain_traceback
    renderer: list[Processor] = [
        structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty(), exception_formatter=traceback)
    ]
    if settings.is_production:
        dictionary = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        renderer = [structlog.processors.ExceptionRenderer(dictionary), structlog.processors.JSONRenderer(_json)]
    OUTPUT.stream = sys.stdout
    OUTPUT.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.basicConfig(handlers=[OUTPUT], level=settings.LOG_LEVEL, force=True)
    structlog.configure(
        processors=[*SHARED, *renderer],
        logger_factory=Logger,
        wrapper_class=structlog.make_filtering_bound_logger(settings.LOG_LEVEL),
        cache_logger_on_first_use=True,
    )


def _json(event: EventDict, default: Callable[[Any], Any]) -> str:
    """All ASCII, so that one line is one line to everybody, whatever else Unicode takes for the end of one."""
    try:
        return to_json(event, fallback=default, ensure_ascii=True).decode()
    except ValueError:  # half a surrogate pair, or bytes that are no text
        return json.dumps(event, default=default)
