"""The modules that only notebooks import. Importing the package turns on the check of parameters in JupyterLab.

.. code-block:: text

    handoff   the results that a notebook hands on, and the results of earlier notebooks
    declared  the problem, and the hyperparameters that a notebook sets
    figures   the plots, with alt text
    excerpts  the tables that are too long to show whole
    ranges    the check of parameters in JupyterLab, where no runner checks them
"""

from mlops.notebook.ranges import check_cells

check_cells()
