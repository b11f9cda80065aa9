"""Regression tests of notebooks. They compare the outputs of a run with the committed outputs.

This package executes no notebook and writes no file.

.. code-block:: text

    check         the entry point: one run, compared with the committed notebooks
    notebook      the cells and outputs of a notebook, decoded
    expectations  the declared comparisons and tolerances, from the notebooks' metadata
    comparison    one notebook: its scraps and outputs
    outputs       the output of a cell, split into text, tables and pictures
    grids         tables
    pictures      plots, by their largest local difference
    values        numbers and text
    keeping       the committed outputs that stay when notebooks are executed again
    declaring     the declarations that a notebook lacks or no longer needs
    junit         the result for CI
"""
