"""Models: how they are stored, loaded, and promoted to champion.

.. code-block:: text

    files          a fitted estimator as files that hold no code (skops), and its numbers as JSON
    loading        a training's or a version's model, fetched from the platform and checked first
    training_data  ranges of the training data, and rows to try a model with
    training_rows  the rows that a model was trained on: storing and finding them
    origin         where a training comes from: notebook, commit, data
    promotion      whether the challenger is better than the champion by more than chance
"""
