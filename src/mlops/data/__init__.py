"""Data files: reading, profiles, the data test and drift.

.. code-block:: text

    location    the check that a data file can be read
    listing     finds the files of a data file or folder, without reading them
    content     the content of data files, as files on this machine, with a hash
    delimited   tables in text files
    kinds       the kinds of columns, and the conversion of values to them
    tables      data files as tables, with their hashes
    batches     the columns of a data file, in batches of rows
    totals      the totals of columns of numbers, such as their mean and range
    rows        the scan of some rows of a table
    scan        the scan of a table, which collects its profile and everything that the data test checks
    profile     the distribution of each column, in a few numbers
    evidence    the tests of a column: how far two profiles differ, and whether chance explains it
    drift       the decision which columns of a table have drifted
    equality    the comparison of arrays, which ignores rounding errors
    blocks      the numbers of a table in blocks of columns
    rounding    the precision of the numbers of a table, estimated from their digits
    identity    finds out which rows of a table a model was trained on
    validation  the data test, which checks schema and drift
"""
