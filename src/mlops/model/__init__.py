"""Models: how they are stored, loaded, and promoted to champion.

.. code-block:: text

    files          saves a fitted estimator as an MLflow model, and the files that its problem exports
    estimator      the file of a fitted estimator, which contains no code (skops) and is the same in every process
    mlflow_model   the other files of an MLflow model: inputs, example, packages
    loading        loads the model of a training or of a registered version, after a check of its hashes
    schema         checks that a registered model was trained with the schema of the problem
    training_data  ranges of the training data, and example rows for predictions
    training_rows  stores and finds the rows that a model was trained on
    origin         the origin of a training: notebook, commit and data
    contenders     the challenger, and the champion if it can be compared
    comparison     compares two models by the metric that decides about promotions
    segments       the comparison in segments of the rows
    gains          the figures that compare two models
    bounds         the lower bound of a mean gain
    spending       the confidence that each comparison with a champion needs
    looks          records how often models were compared with a champion
    jackknife      the gain of each row in a metric that is not a mean over rows
    promotion      decides whether a new model (the challenger) replaces the current one (the champion)
"""
