"""Data files: reading, profiles, the data test and drift.

.. code-block:: text

    location    checks that a data file can be read
    listing     finds the files at the URL of a data file or folder, without reading them
    content     data files as local files, with a hash of their content
    delimited   tables in text files
    kinds       the kinds of columns, and the conversion of values to them
    tables      data files as tables, with their hashes
    batches     reads the columns of a data file in batches of rows
    totals      the totals of columns of numbers, such as their mean and range
    rows        the scan of some rows of a table
    scan        the scan of a table, which collects its profile and everything that the data test checks
    profile     a summary of the distribution of each column
    evidence    statistical tests of whether a column differs from its reference
    drift       decides which columns of a table have drifted
    equality    compares arrays, ignoring rounding errors
    blocks      reads the numbers of a table in blocks of columns
    rounding    estimates the precision of the numbers of a table from their digits
    identity    finds out which rows of a table a model was trained on
    validation  the data test, which checks schema and drift
"""
