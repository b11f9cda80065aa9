"""The verdict of a check, as an XML file in JUnit's format."""

from xml.etree import ElementTree

from mlops.record.redaction.terminal import escape_controls
from mlops.regression.check import Verdict


def format_junit(verdict: Verdict) -> bytes:
    """Return the verdict as XML in JUnit's format."""
    suite = ElementTree.Element(
        "testsuite",
        name=f"mlops check-notebooks {verdict.run_id}",
        tests=str(len(verdict.notebooks)),
        failures=str(sum(bool(found.differences) for found in verdict.notebooks)),
        skipped=str(sum(bool(found.skipped and not found.differences) for found in verdict.notebooks)),
        errors="0",
        time=f"{verdict.seconds:.3f}",
    )
    for found in verdict.notebooks:
        case = ElementTree.SubElement(suite, "testcase", classname="notebooks", name=found.notebook, time="0")
        if found.differences:
            what = found.skipped or f"{found.differing} of {found.compared} outputs differ from the committed notebook"
            failure = ElementTree.SubElement(case, "failure", message=escape_controls(f"{what}. {verdict.advice}"))
            failure.text = escape_controls("\n".join(map(str, found.differences)))
        elif found.skipped:
            ElementTree.SubElement(case, "skipped", message=escape_controls(found.skipped))
        if found.notes:
            ElementTree.SubElement(case, "system-out").text = escape_controls("\n".join(found.notes))
    document: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document
