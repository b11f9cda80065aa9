"""The modules that notebooks import, besides the platform and the problem.

.. code-block:: text

    handoff   the results that a notebook glues, and those of earlier notebooks, in scrapbook's format
    numbers   numbers with three significant digits
    equality  the comparison of arrays up to rounding
    figures   the plots, with alt text
    ranges    the check of a parameter's range in JupyterLab, where no runner checks it
"""

from mlops.notebook.ranges import check_cells

check_cells()
