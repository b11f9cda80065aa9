"""Scripts that read the body of a request themselves, as entry scripts for Azure Machine Learning do.

An image without ``schema.json`` has such a script. Its ``run`` gets what azureml-inference-server-http would pass to
it, and its result is sent as that server would send it. Errors, however, are reported in this service's own form.

.. code-block:: text

    request    a request and its answer, in a form that is the same for this server and Azure's
    inputs     the arguments of run: the text of the body, the values of a JSON object, or the request itself
    azure      the optional packages of Azure: @rawhttp, AMLRequest, and the decorators of inference-schema
    scorer     calls the script
    texts      requests and answers in the form in which they are collected
    variables  the variables that Azure sets, and the folders that they name
"""
