"""A scratch project of the eight notebooks, and the same code as plain scripts."""

from pathlib import Path

import nbformat
from nbconvert.exporters import PythonExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from benchmarks.notebooks import EIGHT, EXPLAINED, IMPORTS
from benchmarks.processes import PROJECT

KERNEL = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}}
TOGETHER = """\
from pathlib import Path

for path in sorted(Path("scripts").glob("*.py")):
    exec(compile(path.read_text(), path, "exec"), {"__name__": "__main__"})
"""


def make_notebook(name: str) -> nbformat.NotebookNode:
    """Return one of the eight notebooks."""
    parameter, *work, plot = EIGHT[name]
    parameters = f'folder = "state"  # where results are handed on\n{parameter}'
    cells = [
        new_markdown_cell(f"# {name}\n\n{EXPLAINED}"),
        new_code_cell(IMPORTS),
        new_code_cell(parameters, metadata={"tags": ["parameters"]}),
    ]
    for source in work:
        cells += [new_markdown_cell(EXPLAINED), new_code_cell(source)]
    kept = f'plt.figure(figsize=(5, 3))\n{plot}\nplt.savefig(Path(folder, "{name}.png"))'
    cells += [new_markdown_cell(EXPLAINED), new_code_cell(kept)]
    return new_notebook(cells=cells, metadata=KERNEL)


def make_project(folder: Path) -> Path:
    """Write the project, with this checkout's sources and kernel settings, and return its folder."""
    for name in ("notebooks", "scripts", "parameters", "papermill"):
        (folder / name).mkdir(parents=True)
    for name in EIGHT:
        notebook = make_notebook(name)
        nbformat.write(notebook, folder / "notebooks" / f"{name}.ipynb")
        script, _ = PythonExporter().from_notebook_node(notebook)
        (folder / "scripts" / f"{name}.py").write_text(script, encoding="utf-8")
    (folder / "together.py").write_text(TOGETHER, encoding="utf-8")
    base = (PROJECT / "parameters" / "base.yml").read_text(encoding="utf-8")
    ours, _, _ = base.partition("\nshared:")  # the other sections of base.yml concern the project's own notebooks
    (folder / "parameters" / "base.yml").write_text(f"{ours}\nshared:\n  model_name: diabetes\n", encoding="utf-8")
    (folder / "src").symlink_to(PROJECT / "src")
    return folder
