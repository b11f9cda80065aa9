"""Workers of a cluster that are this process, so that a test needs no cluster."""

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from mlops.cluster.workers import Handle

Result = TypeVar("Result")


@dataclass(frozen=True)
class Ready(Generic[Result]):
    """A result that is there at once."""

    value: Result

    def result(self, timeout: float | None = None) -> Result:
        """Return it."""
        return self.value


class InlineWorkers:
    """See `mlops.cluster.workers.Workers`. What would travel is pickled, as on the way to a worker and back."""

    def submit(self, function: Callable[..., Result], *arguments: object) -> Handle[Result]:
        """Run the function now."""
        return Ready(copy(function(*map(resolve, arguments))))

    def collect(self, handles: Sequence[Handle[Result]]) -> list[Result]:
        """Return the results."""
        return [handle.result() for handle in handles]


def resolve(argument: object) -> object:
    """Return an argument with results in place of handles."""
    if isinstance(argument, list):
        return [resolve(each) for each in argument]
    return argument.value if isinstance(argument, Ready) else copy(argument)


def copy(value: Result) -> Result:
    """Return a value after a journey."""
    found: Result = pickle.loads(pickle.dumps(value))
    return found
