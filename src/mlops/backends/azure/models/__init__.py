"""Implements `mlops.platform.trainings` and `mlops.platform.models` with azureml-sdk v1.

.. code-block:: text

    tracking   trainings as runs of an experiment
    registry   versions of models, and the champion
    champions  notes that name the champion of each model; they remain if the champion is deleted
    looks      the comparisons of new models with each champion
    artifacts  uploads and downloads the files of a training, and records their hashes
"""
