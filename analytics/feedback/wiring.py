"""The writers of an application, which live as long as it."""

from collections.abc import AsyncIterator

from aiohttp import web

from tallygate.analytics.feedback.rows import FEEDBACK, SCORES
from tallygate.analytics.feedback.writer import FeedbackWriter, Inserter
from tallygate.analytics.keys import FEEDBACK_WRITER, SCORE_WRITER
from tallygate.runtime.clickhouse import Target


def add_writers(app: web.Application, target: Target) -> None:
    """Give the application its writers; each opens a connection at its first use."""
    inserters = [Inserter(target), Inserter(target)]
    app[FEEDBACK_WRITER] = FeedbackWriter(FEEDBACK, inserters[0].insert)
    app[SCORE_WRITER] = FeedbackWriter(SCORES, inserters[1].insert)

    async def lifetime(app: web.Application) -> AsyncIterator[None]:
        yield
        for writer in (app[FEEDBACK_WRITER], app[SCORE_WRITER]):
            await writer.close()
        for inserter in inserters:
            inserter.close()

    app.cleanup_ctx.append(lifetime)
