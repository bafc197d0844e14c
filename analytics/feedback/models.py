"""Ratings and scores, as they are sent and told."""

from typing import Annotated

from pydantic import Field, StrictBool, StringConstraints

from tallygate.analytics.models import ApiModel, FeedbackGiven, Rating, ScoreGiven

RATINGS: dict[Rating, int] = {"up": 1, "down": -1, "none": 0}
Comment = Annotated[str, Field(max_length=4096)]
ScoreName = Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)]
ScoreValue = Annotated[StrictBool | float, Field(allow_inf_nan=False)]


class NewFeedback(ApiModel):
    """A rating of a call; one of each author counts, the last one."""

    rating: Rating
    """`none` takes it back."""
    comment: Comment = ""
    given_by: Annotated[str, Field(max_length=256)] = ""
    """Who says so; empty if that does not matter."""


class NewScores(ApiModel):
    """Scores of a call; one of each name counts, the last one."""

    scores: Annotated[dict[ScoreName, ScoreValue], Field(min_length=1, max_length=64)]
    """true and false are 1 and 0."""
    comment: Comment = ""


class Given(ApiModel):
    """All that is said of a call."""

    request_id: str
    feedback: list[FeedbackGiven]
    scores: list[ScoreGiven]
