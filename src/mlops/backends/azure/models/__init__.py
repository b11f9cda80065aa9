"""Trainings and models: `mlops.platform.models` with azureml-sdk v1.

.. code-block:: text

    tracking   trainings as runs of an experiment
    registry   versions of models, one of which has the champion tag
    champions  notes of the champions, which outlive a version that is deleted
    artifacts  the files of a run, whose hashes are properties of the run
"""
