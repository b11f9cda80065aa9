"""Records: JSON files that are read back into a type, and their format numbers.

The client that starts every command loads this module. `msgspec` is imported where it is used, because it takes
milliseconds.
"""

from pathlib import Path
from typing import TypeVar

from mlops.errors import FormatError, IntegrityError

Record = TypeVar("Record")
ADVICE = "Restore it from a backup, or delete it."


def read_record(path: Path, kind: type[Record], advice: str = ADVICE) -> Record:
    """Read a JSON file into a type. All records are read with this function.

    Parameters
    ----------
    path : Path
        The file.
    kind : type
        The type of its content.
    advice : str
        A sentence that says what to do if the file is damaged.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such file.
    IntegrityError
        If the file cannot be read, or has other content.
    """
    return decode_record(read_content(path, advice), kind, str(path), advice)


def read_content(path: Path, advice: str = ADVICE) -> bytes:
    """Return the bytes of a file; raise the same errors as `read_record`."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise IntegrityError(f"{path} cannot be read ({error.strerror}). {advice}") from error


def decode_record(content: bytes, kind: type[Record], what: str, advice: str = ADVICE) -> Record:
    """Decode a record into a type; raise IntegrityError if it is damaged. `what` names the record in the message."""
    import msgspec

    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise IntegrityError(f"{what} is damaged ({error}). {advice}") from error


def require_format(found: int, newest: int, what: str) -> None:
    """Refuse a format that a newer version wrote, because misreading it would be worse than not reading it.

    Parameters
    ----------
    found, newest : int
        The format number that was read, and the newest one that this version knows.
    what : str
        The path of the file or folder, for the message.

    Raises
    ------
    FormatError
        If `found` is newer.
    """
    if found > newest:
        raise FormatError(
            f"{what} has format {found}, but this version reads up to format {newest}. "
            "Nothing was changed. Update the checkout and run `make setup`."
        )
