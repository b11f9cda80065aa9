"""The choice of the runtime that serves a model: for each runtime, the model is converted, compared and timed.

.. code-block:: text

    choice      chooses the fastest runtime that predicts the same as the model
    candidates  converts a model for each runtime
    encoders    converts scikit-learn's transformers to computations with numpy
    tables      converts transformers of texts to tables of values
    linear      converts linear models to plain numbers
    trees       reads the trees of ensembles
    intervals   converts ensembles of small trees to tables of numbers
    ensembles   converts ensembles of trees to ONNX
    graphs      converts other models to ONNX
    judging     compares a converted model with the original
    probes      the rows for this comparison: with gaps, unseen categories and values at thresholds
    thresholds  the thresholds of trees
    packages    the packages that a runtime adds to an image
"""
