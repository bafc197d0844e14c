"""Errors of the processors, named for what the loop that meets them does.

| error                   | reaction                                                                    |
|-------------------------|-----------------------------------------------------------------------------|
| `RetryableError`        | try the same batch again after a pause; nothing was lost, nothing goes on    |
| `StoreUnavailableError` | the same, raised by a `CallStore`                                            |
| `DeadLetterError`       | keep the record with its reason in the dead letters; the stream goes on      |
| `FatalError`            | stop the process: going on would count wrongly                               |

`schemas.codec.BadRecordError` is dead-lettered like a `DeadLetterError`.
"""


class ProcessorError(Exception):
    """Base of all errors here."""


class RetryableError(ProcessorError):
    """Something outside is not there just now."""


class StoreUnavailableError(RetryableError):
    """The store of calls can't be reached, or can't say whether it took a batch.

    The caller asks `CallStore.applied` again before it repeats the batch.
    """


class DeadLetterError(ProcessorError):
    """A record that no repetition will make good."""


class FatalError(ProcessorError):
    """The state on disk can't be used, or belongs to something else."""
