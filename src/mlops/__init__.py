"""The engine: runs parameterized notebooks as pipelines. It knows nothing of the problem that they solve."""
