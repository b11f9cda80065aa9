"""Statistical tests of whether a column has a different distribution in new data than in the reference.

No test assumes a distribution.

.. code-block:: text

    outcome      the result of a test, the weight of each test, and the smallest difference that can be drift
    shares       compares a share of the values, such as that of missing values
    tails        the p-value of a difference between two means, if rare values skew its distribution
    numbers      the tests of numbers and dates
    categories   the tests of categories and booleans
    columns      chooses the tests of a column by its kind
"""
