"""The modules that only notebooks import. The package checks the parameters of the notebook that imports it.

.. code-block:: text

    handoff   the results that a notebook hands on, and the results of earlier notebooks
    declared  the problem, and the hyperparameters that a notebook sets
    figures   the plots, with alt text
    excerpts  the tables that are too long to show whole
    ranges    the check of a parameter's range in JupyterLab, where no runner checks it
"""

from mlops.notebook.ranges import check_cells

check_cells()
