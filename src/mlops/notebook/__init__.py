"""What a notebook imports to be one of these notebooks.

.. code-block:: text

    handoff   the results that it glues, and those of the notebooks before it, in scrapbook's format
    numbers   numbers with three significant digits
    equality  when two arrays count as equal
    figures   its pictures, with a text for those who cannot see them
    ranges    checks the ranges of its parameters, where nothing else has: in JupyterLab
"""

from mlops.notebook.ranges import check_cells

check_cells()
