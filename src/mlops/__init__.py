"""The engine, which runs parameterized notebooks as pipelines. It is independent of the problem that they solve."""
