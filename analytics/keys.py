"""What the application's handlers share."""

from aiohttp import web

from tallygate.analytics.calls import Calls
from tallygate.analytics.console import Console
from tallygate.analytics.executor import QueryExecutor
from tallygate.analytics.export.progress import Exports
from tallygate.analytics.feedback.writer import FeedbackWriter
from tallygate.analytics.live.source import Live
from tallygate.analytics.metrics import ApiMetrics
from tallygate.analytics.models import Info
from tallygate.control.access.access import access_of

FEEDBACK_WRITER = web.AppKey("feedback_writer", FeedbackWriter)
SCORE_WRITER = web.AppKey("score_writer", FeedbackWriter)
EXPORTS = web.AppKey("exports", Exports)
CALLS = web.AppKey("calls", Calls)
CONSOLE = web.AppKey("console", Console)
EXECUTOR = web.AppKey("executor", QueryExecutor)
METRICS = web.AppKey("metrics", ApiMetrics)
LIVE: web.AppKey[Live | None] = web.AppKey("live")
INFO = web.AppKey("info", Info)


def project_of(request: web.Request) -> str:
    """The project that a request is about: the gate has chosen it, and looked whether its sender may."""
    return access_of(request).project
