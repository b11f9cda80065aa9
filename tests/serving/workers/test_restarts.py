"""The decision when a worker that died is started again."""

from mlops.serving.workers.restarts import FIRST_DELAY, WINDOW, Restarts


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


def test_the_first_worker_is_restarted_at_once_and_later_ones_after_longer_and_longer_delays() -> None:
    clock = Clock()
    restarts, delays = Restarts(5, clock), []
    for _ in range(4):
        restarts.record_death()
        began = clock.now
        while not restarts.is_due:
            clock.now += FIRST_DELAY / 4
        delays.append(clock.now - began)
    assert delays == [0, FIRST_DELAY, 2 * FIRST_DELAY, 4 * FIRST_DELAY]
    assert not restarts.is_failing


def test_too_many_deaths_within_a_minute_stop_the_restarts_for_a_minute() -> None:
    clock = Clock()
    restarts = Restarts(2, clock)
    for _ in range(2):
        restarts.record_death()
        clock.now += 1
    assert (restarts.is_failing, restarts.is_due) == (False, True)
    restarts.record_death()
    assert (restarts.is_failing, restarts.is_due) == (True, False)
    clock.now += WINDOW
    assert (restarts.is_failing, restarts.is_due, restarts.count) == (False, True, 3)
    restarts.record_death()
    assert (restarts.is_failing, restarts.is_due) == (False, True)


def test_deaths_that_are_rare_enough_never_stop_the_restarts() -> None:
    clock = Clock()
    restarts = Restarts(2, clock)
    for _ in range(20):
        restarts.record_death()
        assert not restarts.is_failing
        clock.now += WINDOW / 2
    assert restarts.count == 20
