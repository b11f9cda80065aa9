"""The modules that the notebooks import, beside the platform and the problem.

.. code-block:: text

    handoff   the results that a notebook glues, and those of earlier notebooks, in scrapbook's format
    numbers   numbers with three significant digits
    equality  the comparison of arrays, but for rounding
    figures   the plots, with alt text
    ranges    the check of a parameter's range in JupyterLab, where nothing else checks it
"""

from mlops.notebook.ranges import check_cells

check_cells()
