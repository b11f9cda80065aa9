"""Notebook regression without running again: what a run showed, against what the committed notebooks show.

Nothing is executed and nothing is written here; `check.check_run` is the entrance, `expectations` says how.
"""
