"""The limit on parents: each holds hundreds of megabytes, so only a few per user stay alive."""

from contextlib import ExitStack, suppress
from pathlib import Path

from mlops.kernels.messages import Channel, MessageError, open_channel

ANSWER_SECONDS = 0.5
BUSY = -1.0  # stands for the idle time of a busy parent, and is less than any idle time
IMPORTING = (BUSY, 0.0)


def end_surplus(own: Path, most: int) -> None:
    """Ask surplus parents to end, the longest idle first, then the oldest. A busy parent ends after its forks.

    Parameters
    ----------
    own : Path
        The socket of the parent that was just started and stays alive.
    most : int
        The largest number of parents that stay alive, including that one.
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
            with suppress(OSError):  # it ended in the meantime
                channel.send({"ask": "end"})


def _rank(channel: Channel) -> tuple[float, float]:
    """Return a parent's idle time and age in seconds; a parent that is still importing counts as busy."""
    with suppress(MessageError, OSError):
        if channel.wait(ANSWER_SECONDS):
            channel.send({"ask": "status"})
            status = channel.wait(ANSWER_SECONDS)
            if status:
                idle = BUSY if status.content.get("forks") else float(status.content.get("idle", 0.0))
                return idle, float(status.content.get("age", 0.0))
    return IMPORTING
