"""Errors of the control data, named for what their receiver does.

| error                   | reaction                                                             |
|-------------------------|----------------------------------------------------------------------|
| `InvalidError`          | tell the caller which value is wrong                                  |
| `ForbiddenError`        | tell the caller                                                       |
| `NotFoundError`         | tell the caller                                                       |
| `ConflictError`         | tell the caller                                                       |
| `StoreUnavailableError` | try again later; whoever has a snapshot goes on with it               |
| `SchemaError`           | stop: the tables are not those of this release                        |
| `MasterKeyError`        | stop: an operator has to bring the right key                          |
"""


class ControlError(Exception):
    """Base of all errors here. Messages never hold a secret."""


class InvalidError(ControlError):
    """A value that can't be taken."""

    def __init__(self, message: str, param: str = "") -> None:
        super().__init__(message)
        self.param = param


class ForbiddenError(ControlError):
    """Not this caller's to change."""


class NotFoundError(ControlError):
    """No such thing."""


class ConflictError(ControlError):
    """It exists already, or its state forbids the change."""


class StoreUnavailableError(ControlError):
    """The store can't be reached, or didn't answer in time."""


class SchemaError(ControlError):
    """The store's tables belong to another release."""


class MasterKeyError(ControlError):
    """The master key is missing, damaged, readable by others, or not this store's."""


class SealError(ControlError):
    """Sealed bytes were changed, cut, moved elsewhere, or sealed with another key."""
