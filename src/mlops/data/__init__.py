"""Data files: reading, profiles, the data test and drift. This package does not depend on a platform or on the problem.

.. code-block:: text

    location    the check that a data file exists and can be read
    listing     finds the files of a data file or folder, without reading them
    content     a data file or a folder of Parquet files, copied to this machine if it is remote, with its hash
    delimited   tables in text files
    tables      data files as tables, with their hashes
    batches     the columns of a data file, in batches of rows
    totals      the totals of columns of numbers, added up batch by batch
    rows        the scan of some rows of a table
    scan        one scan of a table, which collects its profile and all that the data test checks
    profile     a few numbers per column; the profiles of two tables merge into the profile of all their rows
    drift       the distance between two profiles
    equality    the comparison of arrays up to rounding
    blocks      the numbers of a table in blocks of columns
    rounding    the rounding of a file, as it is visible in its values
    identity    finds rows of a table that a model was trained on
    validation  the data test, which checks schema and drift
"""
