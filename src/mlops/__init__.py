"""The platform: runs parameterized notebooks as pipelines. Knows nothing of the problem that they solve."""
