"""The runtimes of models in an image: plain numbers with numpy, ONNX, or the estimator in skops' format.

`mlops.image.runtimes` converts a model, chooses its runtime, and writes the files that `load_model` reads.

.. code-block:: text

    loading    loads the model of an image with its runtime
    record     runtime.json, which says how to load a model
    encoding   computes the inputs of a model from rows, with numpy
    linear     linear models, as plain numbers
    trees      ensembles of small trees, as plain numbers
    graph      models in ONNX format
    estimator  scikit-learn estimators in skops' format
    script     the scoring script of problems without a script of their own
"""

from .loading import Model, load_model

__all__ = ["Model", "load_model"]
