"""Notebook regression without a rerun: what a run showed, against what the committed notebooks show.

Nothing is executed and nothing is written here.

.. code-block:: text

    check         the entrance: one run against the notebooks
    expectations  what is compared and how far it may differ, from the notebooks' metadata
    comparison    one notebook: its scraps and outputs
    outputs       what a cell shows, taken apart into text, tables and pictures
    grids         tables
    pictures      plots, by their largest local difference
    values        numbers and text
    keeping       committed outputs that stay when the notebooks are executed again
    junit         the result for CI
"""
