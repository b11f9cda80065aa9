"""The limit on how many parents of warm kernels each user can have."""

from contextlib import ExitStack, suppress
from pathlib import Path

from mlops.kernels.messages import Channel, MessageError, open_channel

ANSWER_SECONDS = 0.5
BUSY = -1.0  # used as the idle time of a busy parent; less than any real idle time
IMPORTING = (BUSY, 0.0)


def end_surplus(own: Path, most: int) -> None:
    """Ask surplus parents of warm kernels to end, beginning with the longest idle, so that at most `most` remain.

    Parameters
    ----------
    own : Path
        The path of a socket. The parent that listens on it is never asked to end.
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
        channels.sort(key=_ask_idle_time_and_age, reverse=True)
        for channel in channels[: max(0, len(channels) + 1 - most)]:
            with suppress(OSError):  # the parent ended in the meantime
                channel.send({"ask": "end"})


def _ask_idle_time_and_age(channel: Channel) -> tuple[float, float]:
    with suppress(MessageError, OSError):
        if channel.wait(ANSWER_SECONDS):
            channel.send({"ask": "status"})
            status = channel.wait(ANSWER_SECONDS)
            if status:
                idle = BUSY if status.content.get("forks") else float(status.content.get("idle", 0.0))
                return idle, float(status.content.get("age", 0.0))
    return IMPORTING
