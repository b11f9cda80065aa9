"""The check that an image is complete: the packages in its lock provide every module that its files import."""

import ast
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.metadata import (
    Distribution,
    PackageNotFoundError,
    distribution,
    distributions,
    packages_distributions,
    version,
)
from pathlib import Path

from packaging.utils import canonicalize_name

from mlops.errors import ProblemError
from mlops.image.bundle import read_pins
from mlops.image.code import parse_code
from mlops.image.runtimes.packages import SERVER_PACKAGES
from mlops.image.sources import ImageSources
from mlops.serving.entry.azure import CONTRIB

# The packages that provide `azureml.contrib.services`. The second one does so only in a server. Both are named here,
# because every package of Azure has an `azureml/__init__.py`.
RAW_PACKAGES = ("azureml-contrib-services", "azureml-inference-server-http")
SCRIPT = "score"  # the name of the scoring script as a module of the image
MODULES = (".py", ".so", ".pyd")
FAILS = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
# Words that distinguish variants of the same package, such as opencv-python-headless, intel-tensorflow and
# cupy-cuda12x.
VARIANT = re.compile(
    r"headless|contrib|binary|cpu|gpu|cuda\w*|cu\d+|rocm\w*|directml|openvino|intel|macos|avx\w*|simd|lts|lite|skinny|slim"
)


@dataclass(frozen=True)
class Import:
    """An import statement: its module, and its line in the file."""

    module: str
    line: int


def check_imports(sources: ImageSources, environment: Path | None = None) -> list[str]:
    """Check that an image contains all modules that its files import, and all packages that the server needs.

    Two kinds of imports are not checked: imports that are allowed to fail (within ``try`` and ``except ImportError``),
    and imports with `importlib`. If the service needs such a module, but it is missing, the service test fails.

    Parameters
    ----------
    sources : ImageSources
        The files of the image.
    environment : Path, optional
        The folder of a virtual environment with all packages of the lock. Without it, modules are looked up in the
        packages that are installed here. An import then remains unchecked if its module may be in a package of the lock
        that is not installed here.

    Returns
    -------
    list of str
        A sentence for each import that could not be checked, with the packages to install.

    Raises
    ------
    ProblemError
        If an imported module is neither in a package of the lock nor in the image, if the lock lacks a package that the
        server needs, or if a file is not valid Python.
    """
    pins: dict[str, str] = {canonicalize_name(name): pin for name, pin in read_pins(sources.requirements).items()}
    lock = sources.shorten(sources.requirements)
    lacking = [name for name in SERVER_PACKAGES if name not in pins]
    if lacking:
        raise ProblemError(f"{lock} lacks packages that the server needs. Add {_join(map(_name_version, lacking))}.")
    roots, absent = _list_provided_modules(pins, environment)
    inside = {SCRIPT, "serving", *(file.stem for file in sources.image_files)}

    def is_inside(module: str) -> bool:
        if module.startswith("."):
            return module[1:].partition(".")[0] in inside
        top = module.partition(".")[0]
        if module.startswith(CONTRIB):
            return any(name in pins for name in RAW_PACKAGES)
        return top in sys.stdlib_module_names or top in inside or _provide(roots, module)

    unchecked = []
    for file in (sources.script, *sources.image_files):
        for found in _read_imports(file, sources.shorten(file), is_inside):
            place = f"{sources.shorten(file)}, line {found.line}"
            advice, possible = _judge_missing(found.module, file, lock, absent)
            if not possible:
                raise ProblemError(f"{place}: The image does not contain the module {found.module}. {advice}")
            named = " ".join(f"{name}=={pins[name]}" for name in possible)
            unchecked.append(
                f"{place}: The import of {found.module} was not checked, because {lock} has packages that are not "
                f"installed here. To check it, install them with `{Path(sys.prefix).name}/bin/uv pip install {named}`."
            )
    return unchecked


def _judge_missing(module: str, file: Path, lock: str, absent: Iterable[str]) -> tuple[str, list[str]]:
    """Return how to add a missing module to the image, and the packages in `absent` that may contain the module."""
    if advice := _advise_about_project(module, file):
        return advice, []
    if module.startswith(CONTRIB):
        return f"Add {RAW_PACKAGES[0]} and its dependencies to {lock}.", []
    named = {*packages_distributions().get(module.partition(".")[0], [])}  # several packages can share a namespace
    owners = [owner for owner in named if _provide(_list_top_modules(distribution(owner)), module)]
    if not owners:
        return f"Add to {lock} the package that contains this module.", sorted(absent)
    # Another package can contain the same module only if it is a variant of the installed package.
    stems = {_find_stem(owner) for owner in owners}
    possible = sorted(name for name in absent if _find_stem(name) in stems)
    return f"Add {_name_version(min(owners))} and its dependencies to {lock}.", possible


def _find_stem(package: str) -> str:
    """Return the part of a package's name that its variants share: "opencv-python" for "opencv-python-headless"."""
    return "-".join(word for word in canonicalize_name(package).split("-") if not VARIANT.fullmatch(word))


def _advise_about_project(module: str, file: Path) -> str:
    top = module.lstrip(".").partition(".")[0]
    beside = file.with_name(f"{top}.py")
    if beside.is_file() and not module.startswith(".."):
        return f'Add "{beside.name}" to `image_files` of the problem.'
    if module.startswith("."):
        return f"Instead, import a module from the folder of {file.name}, or a package that the lock lists."
    if (file.parents[1] / top).is_dir():  # the module belongs to a package of the project
        return (
            f"Move the code that the script needs into a module beside {file.name}, and add this module to "
            "`image_files` of the problem."
        )
    return ""


def _read_imports(file: Path, shown: str, is_inside: Callable[[str], bool]) -> list[Import]:
    visitor = _ImportCollector(is_inside)
    visitor.visit(parse_code(file, shown))
    return visitor.found


class _ImportCollector(ast.NodeVisitor):
    def __init__(self, is_inside: Callable[[str], bool]) -> None:
        self.found: list[Import] = []
        self._is_inside = is_inside

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._note(alias.name, node.lineno)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for name in [node.module] if node.module else [alias.name for alias in node.names]:
            self._note("." * node.level + name, node.lineno)

    def visit_If(self, node: ast.If) -> None:
        named = node.test.attr if isinstance(node.test, ast.Attribute) else getattr(node.test, "id", "")
        for child in node.orelse if named == "TYPE_CHECKING" else [*node.body, *node.orelse]:
            self.visit(child)

    def visit_Try(self, node: ast.Try) -> None:
        if not any(map(_catches_failed_import, node.handlers)):
            self.generic_visit(node)
            return
        attempt = _ImportCollector(self._is_inside)
        for statement in node.body:
            attempt.visit(statement)
        # The handlers run only if an import in the ``try`` block fails.
        rest: list[ast.AST] = [*node.handlers] if attempt.found else [*node.orelse]
        for child in (*rest, *node.finalbody):
            self.visit(child)

    def visit_With(self, node: ast.With) -> None:
        calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
        if not any(_name(call.func) == "suppress" and FAILS & set(map(_name, call.args)) for call in calls):
            self.generic_visit(node)

    def _note(self, module: str, line: int) -> None:
        if not self._is_inside(module):
            self.found.append(Import(module, line))


def _catches_failed_import(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return bool(FAILS & set(map(_name, caught)))


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _list_provided_modules(pins: Iterable[str], environment: Path | None) -> tuple[set[str], list[str]]:
    """Return the modules of the installed packages among `pins`, and the packages whose modules are unknown."""
    paths = [str(path) for path in environment.glob("lib/python*/site-packages")] if environment else sys.path
    roots, absent = set[str](), []
    for name in pins:
        found = next(iter(distributions(name=name, path=paths)), None)
        if found is None or found.read_text("direct_url.json"):  # an installation from a folder
            absent.append(name)
        else:
            roots |= _list_top_modules(found)
    return roots, absent


def _list_top_modules(found: Distribution) -> set[str]:
    record = found.read_text("RECORD")  # faster than `Distribution.files`
    files = [line.partition(",")[0] for line in record.splitlines()] if record else map(str, found.files or ())
    paths = [name.split("/") for name in files if name.endswith(MODULES) and not name.startswith("../")]
    names = [(*path[:-1], path[-1].partition(".")[0]) for path in paths]
    packages = {name[:-1] for name in names if name[-1] == "__init__"}
    roots = set()
    for name in names:
        # A namespace package such as `google` has no __init__, so each distribution provides only a part of the
        # package.
        shortest = next((name[:depth] for depth in range(1, len(name)) if name[:depth] in packages), name)
        roots.add(".".join(shortest))
    return roots


def _provide(roots: Iterable[str], module: str) -> bool:
    return any(f"{module}.".startswith(f"{root}.") or root.startswith(f"{module}.") for root in roots)


def _name_version(package: str) -> str:
    try:
        return f"{package}=={version(package)}"
    except PackageNotFoundError:
        return package


def _join(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
