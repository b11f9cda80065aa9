"""The limit on the number of parents per user. Each parent takes hundreds of megabytes of memory."""

from contextlib import ExitStack, suppress
from pathlib import Path

from mlops.kernels.messages import Channel, MessageError, open_channel

ANSWER_SECONDS = 0.5
BUSY = -1.0  # used as the idle time of a busy parent; less than any real idle time
IMPORTING = (BUSY, 0.0)


def end_surplus(own: Path, most: int) -> None:
    """Ask surplus parents to end: those that were idle longest first, then the oldest.

    A busy parent ends when it has no forks any more.

    Parameters
    ----------
    own : Path
        The socket of the parent that was just started, which stays alive.
    most : int
        The maximum number of parents that stay alive, including the one just started.
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
    """Return a parent's idle time and age in seconds. A parent that is still importing counts as busy."""
    with suppress(MessageError, OSError):
        if channel.wait(ANSWER_SECONDS):
            channel.send({"ask": "status"})
            status = channel.wait(ANSWER_SECONDS)
            if status:
                idle = BUSY if status.content.get("forks") else float(status.content.get("idle", 0.0))
                return idle, float(status.content.get("age", 0.0))
    return IMPORTING
