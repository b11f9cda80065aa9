"""The expressions of Azure Pipelines: ``${{ ... }}`` in templates, and the values of ``condition:``.

Only the parts of the language that the files use are supported. Anything else fails the test.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

TOKEN = re.compile(r"\s*(?:'((?:[^']|'')*)'|(\w+)\['([^']*)'\]|([\w.-]+)|([(),]))")
Value = str | bool


@dataclass(frozen=True)
class Scope:
    """The values that an expression can use.

    Parameters
    ----------
    parameters, variables : mapping of str to str
        The values by name. The case of a variable's name does not matter, and an unknown variable is empty.
    succeeded : bool
        Whether all earlier stages and jobs have succeeded.
    """

    parameters: Mapping[str, str]
    variables: Mapping[str, str]
    succeeded: bool = True


def evaluate(text: str, scope: Scope) -> Value:
    """Evaluate an expression.

    Raises
    ------
    ValueError
        If the text is not an expression, or uses an unknown function or parameter.
    """
    tokens = _tokenize(text)
    value, rest = _read(tokens, scope)
    if rest:
        raise ValueError(f"{text!r}: something follows the expression")
    return value


def is_true(value: Value) -> bool:
    """Return whether a condition treats a value as true. An empty string is false."""
    return value if isinstance(value, bool) else value != ""


def _tokenize(text: str) -> list[tuple[str, ...]]:
    tokens, place = [], 0
    text = text.strip()
    while place < len(text):
        found = TOKEN.match(text, place)
        if not found:
            raise ValueError(f"{text!r} is no expression from {text[place:]!r} on")
        tokens.append(tuple("" if group is None else group for group in found.groups()) + (found[0].strip(),))
        place = found.end()
    return tokens


def _read(tokens: list[tuple[str, ...]], scope: Scope) -> tuple[Value, list[tuple[str, ...]]]:
    if not tokens:
        raise ValueError("an expression ends too early")
    (text, kind, key, word, sign, raw), *rest = tokens
    if raw.startswith("'"):
        return text.replace("''", "'"), rest
    if kind:
        if kind != "variables":
            raise ValueError(f"{kind}['{key}']: only variables are known by such a name")
        return _lower(scope.variables).get(key.lower(), ""), rest
    if sign:
        raise ValueError(f"expected a value, but found {sign!r}")
    if rest and rest[0][-1] == "(":
        return _call(word, rest[1:], scope)
    return _look_up(word, scope), rest


def _look_up(word: str, scope: Scope) -> Value:
    if word in ("true", "false"):
        return word == "true"
    group, _, name = word.partition(".")
    if group == "parameters" and name in scope.parameters:
        return scope.parameters[name]
    raise ValueError(f"there is no {word!r}")


def _call(name: str, rest: list[tuple[str, ...]], scope: Scope) -> tuple[Value, list[tuple[str, ...]]]:
    values: list[Value] = []
    while rest and rest[0][-1] != ")":
        value, rest = _read(rest, scope)
        values.append(value)
        if rest and rest[0][-1] == ",":
            rest = rest[1:]
    if not rest:
        raise ValueError(f"{name}(: it is never closed")
    if name == "succeeded":
        return scope.succeeded, rest[1:]
    if name not in FUNCTIONS:
        raise ValueError(f"there is no function {name!r}")
    return FUNCTIONS[name](values), rest[1:]


def _lower(names: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in names.items()}


def _same(values: list[Value]) -> bool:
    first, second = (str(value).lower() for value in values)  # the comparison ignores case
    return first == second


FUNCTIONS: dict[str, Callable[[list[Value]], Value]] = {
    "and": lambda values: all(map(is_true, values)),
    "or": lambda values: any(map(is_true, values)),
    "not": lambda values: not is_true(*values),
    "eq": _same,
    "ne": lambda values: not _same(values),
    "coalesce": lambda values: next(filter(is_true, values), ""),
    "succeededOrFailed": lambda values: True,
    "always": lambda values: True,
}
