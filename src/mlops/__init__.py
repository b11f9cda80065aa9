"""The engine, which runs parameterized notebooks as pipelines. It does not depend on what the notebooks do."""
