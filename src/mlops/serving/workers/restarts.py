"""The rule for when a worker that died is started again."""

from collections import deque
from collections.abc import Callable

WINDOW = 60.0  # seconds in which deaths count
FIRST_DELAY = 0.25  # seconds before the second restart in a window; doubled for each further one


class Restarts:
    """The deaths of a service's workers, and the time when the next worker may be started.

    The first worker that dies is restarted at once, and later ones after increasing delays. If more than `most`
    workers die within a minute, dead workers are not replaced for a minute.

    Parameters
    ----------
    most : int
        The number of workers that may die within a minute without stopping the restarts.
    clock : callable
        A clock that is never set back: a function that returns a time in seconds.
    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self.count = 0  # all deaths so far
        self._most = most
        self._clock = clock
        self._recent: deque[float] = deque()
        self._next = float("-inf")  # when a worker may be started
        self._failing = False

    def record_death(self) -> None:
        """Count a worker that died."""
        now = self._clock()
        self.count += 1
        self._recent.append(now)
        while self._recent[0] <= now - WINDOW:
            self._recent.popleft()
        deaths = len(self._recent)
        self._failing = deaths > self._most
        if self._failing:
            self._next = now + WINDOW
        elif deaths > 1:
            self._next = max(self._next, now + FIRST_DELAY * 2 ** min(deaths - 2, 4))

    @property
    def is_due(self) -> bool:
        """True if a worker may be started now."""
        return self._clock() >= self._next

    @property
    def is_failing(self) -> bool:
        """True if dead workers are not replaced for now, because too many have died."""
        return self._failing and not self.is_due
