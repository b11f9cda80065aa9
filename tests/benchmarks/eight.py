"""A scratch project of the eight notebooks, and the same code as plain scripts."""

import shutil
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

# Appended to the copy of the engine, as users declare pipelines of their own.
PIPELINE = """
EIGHT = (
    Step("data_test", "1_data_test"),
    Step("train", "2_train", needs=("data_test",)),
    Step("evaluate", "3_evaluate", needs=("train",)),
    Step("register", "4_register", needs=("train",)),
    Step("image", "5_image", needs=("register",)),
    Step("deploy", "6_deploy", needs=("image",)),
    Step("test_service", "7_test_service", needs=("deploy",)),
    Step("monitor", "8_monitor", needs=("train",)),
)
PIPELINES = {"eight": EIGHT, "all": EIGHT}
ALL_STEPS = EIGHT
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
    """Write the project, with this checkout's kernel settings and a copy of its sources, and return its folder."""
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
    (folder / "parameters" / "base.yml").write_text(f"{ours}\nshared:\n  model_name: eight\n", encoding="utf-8")
    shutil.copytree(PROJECT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    with (folder / "src" / "mlops" / "pipelines" / "__init__.py").open("a", encoding="utf-8") as pipelines:
        pipelines.write(PIPELINE)
    return folder
