"""The modules that only notebooks import.

.. code-block:: text

    handoff      the results that a notebook passes to later notebooks
    declared     the problem, and the hyperparameters that a notebook sets
    figures      figures, with alt text
    plots        the plots that the problem declares
    stock_plots  the plots that a problem can declare by name
    excerpts     tables of metrics, and excerpts of tables that are too long to show
    ranges       the check of parameters in JupyterLab
"""

from mlops.notebook.declared import load_problem, read_hyperparameters
from mlops.notebook.ranges import check_cells

__all__ = ["load_problem", "read_hyperparameters"]

check_cells()
