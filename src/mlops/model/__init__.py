"""Models: how they are stored, loaded, and promoted to champion.

.. code-block:: text

    files          saves a fitted estimator as an MLflow model, together with the files that its problem exports
    estimator      writes and reads the file of a fitted estimator, in skops' format
    mlflow_model   writes the other files of an MLflow model: inputs, example, packages
    loading        loads the model of a training or of a registered version, after a check of its hashes
    schema         checks that a registered model was trained with the schema of the problem
    training_data  describes the training data: ranges of the features, and example rows
    training_bins  describes the distributions of the training data and of the predictions for its rows
    training_rows  stores and finds the rows that a model was trained on
    served         chooses the files and packages with which an image serves a model
    origin         describes the origin of a training: notebook, commit and data
    contenders     the models to compare: the challenger and, if it fits the problem, the champion
    comparison     compares two models by the metric on which promotions are decided
    segments       compares the models in segments of the rows
    gains          reports the gains of a comparison: a figure, and sentences
    bounds         computes the lower bound of a mean gain
    spending       computes the confidence that each comparison with a champion needs
    looks          records how often models were compared with a champion
    jackknife      computes the gain of each row in a metric that is not a mean over rows
    promotion      decides whether a new model (the challenger) replaces the current one (the champion)
"""
