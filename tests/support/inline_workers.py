"""A double of the workers of a cluster, which runs functions in this process."""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mlops.cluster.workers import Handle

Result = TypeVar("Result")


@dataclass(frozen=True)
class Ready(Generic[Result]):
    """A handle whose result is available immediately."""

    value: Result

    def result(self, timeout: float | None = None) -> Result:
        """Return the result."""
        return self.value


class InlineWorkers:
    """See `mlops.cluster.workers.Workers`. Arguments and results are pickled, as on the way to a worker and back."""

    def submit(self, function: Callable[..., Result], *arguments: object) -> Handle[Result]:
        """Run the function immediately."""
        return Ready(copy(function(*map(resolve, arguments))))

    def collect(self, handles: Sequence[Handle[Result]]) -> list[Result]:
        """Return the results."""
        return [handle.result() for handle in handles]


def resolve(argument: object) -> object:
    """Return a copy of an argument in which results replace handles."""
    if isinstance(argument, list):
        return [resolve(each) for each in argument]
    return argument.value if isinstance(argument, Ready) else copy(argument)


def copy(value: Result) -> Result:
    """Return a copy of a value by pickling it, as if it had been sent to another process."""
    found: Result = pickle.loads(pickle.dumps(value))
    return found
