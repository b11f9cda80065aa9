"""The kinds of columns: number, category, boolean, date and id.

.. code-block:: text

    parsing      converts the values of a column to the kind that the problem declares
    conversion   converts the columns of a table to the types of their declared kinds
    counts       counts the values of a category, a boolean or an id
    inference    infers the kind of a column that no problem declares
    reference    profiles a table as a reference for later data
    scan         the scan of a declared column whose values are not read as numbers
    column       the result of scanning such a column
    proposal     proposes a declaration for the columns of a data file
"""
