"""Records: JSON files that are read as objects of a given type. Their format numbers are checked."""

# Every command imports this module at its start. To save milliseconds, `msgspec` is imported only where it is used.

from pathlib import Path
from typing import TypeVar

from mlops.errors import FormatError, IntegrityError

Record = TypeVar("Record")
ADVICE = "Restore it from a backup, or delete it."


def read_record(path: Path, kind: type[Record], advice: str = ADVICE) -> Record:
    """Read a JSON file, and return its content as an object of the type `kind`.

    Parameters
    ----------
    path : Path
        The file.
    kind : type
        The expected type of the content.
    advice : str
        A sentence that says what to do if the file is damaged.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such file.
    IntegrityError
        If the file cannot be read, or if its content does not fit the type.
    """
    return decode_record(read_content(path, advice), kind, str(path), advice)


def read_content(path: Path, advice: str = ADVICE) -> bytes:
    """Return the bytes of a file.

    Raises
    ------
    FileNotFoundError, NotADirectoryError
        If there is no such file.
    IntegrityError
        If the file cannot be read. The message ends with `advice`.
    """
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        raise IntegrityError(f"{path} cannot be read ({error.strerror}). {advice}") from error


def decode_record(content: bytes, kind: type[Record], what: str, advice: str = ADVICE) -> Record:
    """Decode JSON, and return its content as an object of the type `kind`.

    Raises
    ------
    IntegrityError
        If the JSON is damaged or does not fit the type. The message begins with `what` and ends with `advice`.
    """
    import msgspec

    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise IntegrityError(f"{what} is damaged ({error}). {advice}") from error


def require_format(found: int, newest: int, what: str) -> None:
    """Raise an error if a file or folder was written in a newer format than this version of mlops can read.

    Parameters
    ----------
    found, newest : int
        The format number that was read, and the newest format number that this version can read.
    what : str
        The path of the file or folder, for the error message.

    Raises
    ------
    FormatError
        If `found` is greater than `newest`.
    """
    if found > newest:
        raise FormatError(
            f"{what} has format {found}, but this version reads up to format {newest}. "
            "Nothing was changed. Update the checkout and run `make setup`."
        )
