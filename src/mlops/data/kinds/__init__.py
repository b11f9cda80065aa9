"""The kinds of columns: number, category, boolean, date and id.

.. code-block:: text

    parsing      the values of a column of any type, as the kind that the problem declares
    conversion   a table with the types of its declared kinds
    counts       the counts of the values of a category, a boolean or an id
    inference    the kind of a column that no problem declares
    reference    the profile of a table as a reference for later data
    scan         the scan of a declared column whose values are not read as numbers
    column       the result of that scan
    proposal     the proposal of a declaration for the columns of a data file
"""
