"""The limit on the number of parents of warm kernels per user."""

from contextlib import ExitStack, suppress
from pathlib import Path

from mlops.kernels.messages import Channel, MessageError, open_channel

ANSWER_SECONDS = 0.5
BUSY = -1.0  # used as the idle time of a busy parent; less than any real idle time
IMPORTING = (BUSY, 0.0)


def end_surplus(own: Path, most: int) -> None:
    """Ask the parents of warm kernels that have been idle longest to end, if there are more than `most`.

    A parent with running forks ends after them.

    Parameters
    ----------
    own : Path
        The path of the socket of a parent that is never asked to end.
    most : int
        The maximum number of parents.
    """
    others = [path for path in own.parent.glob("*.sock") if path != own]
    if len(others) < most:
        return
    with ExitStack() as stack:
        channels = [channel for path in others if (channel := open_channel(path))]
        for channel in channels:
            stack.callback(channel.close)
        channels.sort(key=_rank, reverse=True)
        for channel in channels[: max(0, len(channels) + 1 - most)]:
            with suppress(OSError):  # the parent ended in the meantime
                channel.send({"ask": "end"})


def _rank(channel: Channel) -> tuple[float, float]:
    """Return a parent's idle time and age, in seconds."""
    with suppress(MessageError, OSError):
        if channel.wait(ANSWER_SECONDS):
            channel.send({"ask": "status"})
            status = channel.wait(ANSWER_SECONDS)
            if status:
                idle = BUSY if status.content.get("forks") else float(status.content.get("idle", 0.0))
                return idle, float(status.content.get("age", 0.0))
    return IMPORTING
