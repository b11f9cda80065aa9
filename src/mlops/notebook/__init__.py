"""The modules that only notebooks import.

.. code-block:: text

    handoff   the results that a notebook passes to later notebooks
    declared  the problem, and the hyperparameters that a notebook sets
    figures   the plots, with alt text
    excerpts  the tables that are too long to show whole
    ranges    the check of parameters in JupyterLab
"""

from mlops.notebook.ranges import check_cells

check_cells()
