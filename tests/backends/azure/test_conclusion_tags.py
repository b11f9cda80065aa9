"""The conclusion of a run, as tags and back."""

from mlops.backends.azure.submitted.conclusion_tags import list_other_tags, read_conclusion, write_conclusion
from mlops.record.conclusion import Conclusion

ORIGIN = {"BuildId": "42", "dataset": "tiny:2"}
WHOLE = Conclusion("rejected", "not better", "tiny", 3, {"register": "not better"}, "ticket 42")


def test_what_is_written_is_read_and_other_tags_are_left_alone() -> None:
    tags = {**ORIGIN, **write_conclusion(WHOLE)}
    assert (read_conclusion(tags), list_other_tags(tags)) == (WHOLE, ORIGIN)
    assert read_conclusion(ORIGIN) == Conclusion()


def test_what_is_not_known_has_no_tag_and_a_long_reason_is_cut() -> None:
    assert write_conclusion(Conclusion()) == {}
    assert write_conclusion(Conclusion("error", "x" * 300)) == {"outcome": "error", "reason": "x" * 256}


def test_a_version_that_is_no_number_is_none() -> None:
    assert read_conclusion({"model_version": "two"}).model_version == 0
