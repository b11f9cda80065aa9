"""The output in the terminal before, during and after a run or a sweep.

.. code-block:: text

    help         the help of a command, with the steps and their parameters
    annotations  failures, as annotations for a CI system
    line         a line of progress that is updated in place on a terminal
    run          a line per step of a run, and the run's summary
    following    the command that the summary of a run suggests as the next one
    sweep        a count of the finished combinations, and the sweep's summary
"""
