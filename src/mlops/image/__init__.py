"""Scoring images: their content, and the checks that it is complete and unchanged.

.. code-block:: text

    check         checks the files of an image before anything runs
    bundle        the content of an image: a folder with a manifest, identified by a digest
    code          reads the Python code of an image without running it
    entry         finds scripts that read the body of a request themselves
    imports       checks that the packages of an image provide every module that its files import
    schema        the form of requests and answers, as a file of the image
    openapi       describes the service for clients (OpenAPI 3.1)
    pages         the paths that answer GET requests, as this description lists them
    openapi_30    converts this description to OpenAPI 3.0
    swagger       describes the service for clients of Azure (Swagger 2.0)
    descriptions  the parts that both descriptions share
    sources       finds the problem's files for an image, and those that changed after the image was created
"""
