"""What can go wrong in a translation, and the policy about fields that have no equivalent."""

from dataclasses import dataclass, field


class TranslationError(ValueError):
    """The request cannot be translated: to be answered with 400, naming the field.

    Attributes:
        field: path of the field in the caller's body, as `messages[2].content[0].image_url`.
        message: what is wrong with it and what to do.
    """

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class InvalidFieldError(TranslationError):
    """The field is missing or malformed in the caller's own dialect. Never dropped."""


class UnsupportedFieldError(TranslationError):
    """The field is well-formed, and the provider has no equivalent."""


class MalformedAnswerError(ValueError):
    """The provider's successful answer is not of its dialect."""


@dataclass(slots=True)
class Policy:
    """What to do about fields without an equivalent: refuse the request, or leave them out."""

    drop: bool = False
    dropped: list[str] = field(default_factory=list)

    def unsupported(self, path: str, message: str) -> None:
        """Note a field that cannot be translated; the caller of this leaves it out.

        Raises:
            UnsupportedFieldError: fields may not be dropped.
        """
        if not self.drop:
            raise UnsupportedFieldError(path, message)
        if path not in self.dropped:
            self.dropped.append(path)


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """A provider's error, in no dialect."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    type: str | None = None
    """The provider's own word for it, as `overloaded_error`, `ThrottlingException`."""
