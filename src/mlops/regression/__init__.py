"""Regression tests of notebooks. They compare the outputs of a run with the committed outputs.

This package executes no notebook and writes no file.

.. code-block:: text

    check         the entry point: compares a run with the committed notebooks
    notebook      reads the cells and outputs of a notebook
    expectations  reads the tolerances that the metadata of a notebook declares
    comparison    compares the results and outputs of one notebook
    outputs       splits the output of a cell into text, tables and pictures
    grids         compares tables
    pictures      compares plots by their largest local difference
    values        compares numbers and text
    keeping       keeps the committed outputs that a new execution of the notebooks did not change
    declaring     finds the declarations that a notebook lacks or no longer needs
    junit         writes the result of a check for CI
"""
