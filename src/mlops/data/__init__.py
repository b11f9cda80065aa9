"""Data files: reading, profiles, tests and drift, in pure functions that know neither platform nor problem.

.. code-block:: text

    location    the check that a data file exists and can be read
    listing     the files of a data file or folder, found but not read
    content     a data file, or a folder of Parquet files, on this machine, with its hash
    delimited   tables in text files
    tables      data files as tables, with their hashes
    batches     the columns of a data file, in batches of rows
    totals      the totals of columns of numbers, added up batch by batch
    rows        the scan of some rows of a table
    scan        one scan of a table: its profile, and what the data test needs to know
    profile     a few numbers per column, which merge: profile(a + b) is profile(a) merged with profile(b)
    drift       the distance between two profiles
    equality    the comparison of arrays up to rounding
    rounding    the rounding of a file, read from its values
    identity    which rows of a table are rows that a model was trained on
    validation  the data test: schema and drift together
"""
