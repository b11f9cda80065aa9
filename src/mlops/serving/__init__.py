"""The scoring server. It imports no other module of `mlops`, because an image contains only this package.

.. code-block:: text

    __main__      starts the server for the content of an image (a bundle)
    connections/  the limits and deadlines of connections, and the handover to the next server
    log           the log, whose size and rate are limited
    app           the ASGI application, which answers all requests
    heads         checks the method, and the type, the encoding and the size of a body
    schema        the features of a request and the kind of the answers, from the image's schema.json, and in words
    rows          reads the rows of a request, and checks them against the schema
    matrices      reads many rows of numbers fast
    failures      describes an error for the log, but without values of a request
    faults        finds the first error in the rows of a request: row, column, value, rule
    scoring       scores a request: rows, scoring script, answer
    answers       checks the answer of the scoring script
    refusals      errors that refuse requests, and the values in their messages
    tracing       the id and the trace of a request
    documents     /openapi.json and /swagger.json
    identity      the identity of the image, for /readyz and the headers of each answer
    script        loads the user's scoring script, which has the functions init() and run()
    entry/        scripts that read the body of a request themselves, such as entry scripts for Azure
    workers/      the processes of a service: they are started, watched and restarted
    collection/   collects inputs and predictions in files, and uploads them
    metrics/      counts what the workers do, for /metrics
    telemetry/    reports requests, failures and metrics to Application Insights
    runtimes/     loads the model of an image, and predicts
    azure_entry   the entry script for Azure's own inference server; every image contains it
"""
