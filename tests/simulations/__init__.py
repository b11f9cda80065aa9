"""The simulations: `make simulations` measures how often the gate, the segments and the data test are wrong.

.. code-block:: text

    cases     what is simulated: a name, the number of rounds, and the goal
    running   runs cases on several processes, with seeds that do not depend on the processes
    tables    writes the rates into docs/statistics.md
    gate      the promotion gate: one comparison, and its interval
    grouped   the promotion gate: metrics for which groups of rows are left out
    years     the promotion gate: a year of comparisons, and its power
    rule      the rule by which the gate promotes, for many samples at once
    segments  the comparison by segment
    drift     the data test: false alarms, changes that are found
    corrections   the data test: corrections for many tests
    draws     random rows of equal and of unequal models
    scores    random scores of two classifiers, and the gains of their rows
"""
