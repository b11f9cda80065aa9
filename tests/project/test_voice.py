"""Everything that a person reads is plain, idiomatic technical English.

`PHRASES` has what was found here and should not come back. If a reviewer stumbles over a phrase, it belongs there, with
the wording that is better. What is found is printed with its file and line (in a notebook, its cell).
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from prose import Passage, list_passages, read_page, read_source

# A phrase, and what to write instead. Case does not matter; a blank stands for any white space.
PHRASES = {
    # What style.md's table began with.
    r"undoes nothing of": "do not roll back",
    r"not known how|looking again|looks? again\b": "could not read ...; retry, check again",
    r"\b(?:tells?|told|telling) of\b": "report, list, say",
    r"\b(?:is|are|was|were|be) gone\b": "was deleted, disappeared, no longer exists, ended",
    r"\banew\b": "again, from scratch; restart",
    r"\bless (?:bytes|columns|files|kernels|models|nodes|notebooks|packages|rows|runs|steps|tests|values)\b": "fewer",
    r"\bbelongs? into\b": "belongs in",
    r"\bby (?:parameterized|the same commands)\b": "with",
    r"\bat home\b": "locally",
    r"\bthe latter\b|\bthe former\b": "name it again",
    r"\bwhat others see\b": "side effects",
    r"\b(?:take|takes|taken|taking|took) away\b": "delete, remove",
    r"\b(?:go|goes|going|gone|went) on with\b|\b(?:it|they|others|run|runs) go(?:es)? on\b": "continue, resume",
    r"\b(?:is|are|was|were|be) away\b": "unavailable",
    # "No X" for "not an X", "for" for "because", "has ended" for the simple past.
    r"(?<!there )\b(?:is|are|was|were|be) no (?!(?:longer|more|less|other|such|one|different)\b)\w": "is not a ...",
    r"[,;] for (?!example|instance)(?:\w+ ){1,4}(?:is|are|was|were|has|have|had|may|can|could|would)\b": "because",
    r"\bha(?:s|ve) ended\b": "ended",
    # One word for another.
    r"\bfor ever\b": "forever",
    r"\bmend(?:s|ed)?\b": "fix, repair",
    r"\bseldom\b": "rarely",
    r"\bin vain\b": "for nothing",
    r"\bstr(?:uck|ikes?|iking) out\b": "redact",
    r"\bcut off\b": "interrupted",
    r"\bputs? back\b": "restore",
    r"\bunheard\b|\bwhence\b|\bwherefrom\b|\bthereof\b|\bhitherto\b": "say it in a modern way",
    r"\bnot told (?:from|apart)\b": "cannot be distinguished",
    r"\b(?:one|an?) (?:\w+ )?an? (?:build|cell|combination|column|core|day|environment|file)\b": "per",
    r"\b(?:one|an?) (?:\w+ )?an? (?:kernel|line|page|process|replica|row|run|step|user)\b": "per",
    r"\bonce an? (?:build|cell|column|command|day|home|process|run|task)\b": "once per",
    r"\bsays? it all\b|\bas its JSON says\b": "say which",
    r"\bthe (?:words|thread) by which\b": "the words that identify it",
    r"\bnobody answers\b": "nothing answers",
    r"\bso (?:many|long)\b(?! as\b| that\b)": "say the number or the time",
    r"\bwho(?:so)?ever\b": "the person, process or identity that ...; everyone who ...",
    r"\bsomebody\b": "someone, another person, another process",
    r"\bbut for\b": "except for, without",
    r"\bby REST\b": "with REST, over REST",
    r"\bgiven back\b|\b(?:nodes|replicas|machines) that stay\b(?! alive)": "released; the minimum number of ...",
    r"\blooks? whether\b|\bhears? (?:that|whether)\b": "check whether; note that",
    r"\b(?:is|are|was|were) not there\b": "does not exist, is missing",
    r"\bcan(?:not)? be told\b": "is unknown, cannot be distinguished",
    r"\bstands? in (?:the|no)\b": "is in",
    r"\b(?:one|two|numbers) an? (?:combination|core|environment|month|room|service|user)\b": "per",
    r"\b(?:takes?|taken|took|taking) over the results\b": "reuse",
    r"\b(?:where|what) the user stands\b|\bas it is typed\b": "as the user would type it",
    r"\bwhere (?:it|there) (?:has|is) none\b": "if there is none",
    r"\bmade again\b": "created again",
    r"\bseams?\b": "interface",
    r"\bover the gate\b": "the gate was overruled",
    r"\bonce per content\b|\bby its content, once\b": "the same content is stored only once",
    r"\bThe platform's\.": "name the part: the services of the platform",
    r"\bthe (?:most|least) (?:bytes|characters)\b": "maximum size, minimum length",
    r"\btells? (?:them|\w+) apart\b": "distinguish",
    r"^(?:so do|so does|not the|of a|of an|of the) ": "say what it is about: the unit of the target",
    r"\bbecause of which\b": "the reason why; the rollback that bars ...",
    r"\bwrite for example\b": "For example, write ...",
    r"\bcompares? before (?:it|they) swaps?\b": "has no compare-and-swap",
    r"\baccepts either of them\b": "accepts either key",
    r"\bthe words that start\b": "the command, as a list of arguments",
    r"\bempty if it may\b|\bparent that may\b": "can, is allowed to, might",
    r"\bwhich it served last\b|\bwhat it served last\b": "its last model",
    r"\b(?:is|are|be) of (?:another|the) problem\b": "was made for another problem",
    r"\b(?:columns?|values) of (?:a column of )?any type\b": "whatever its type",
    r"\bcannot be one\b|\bas JSON has it\b": "say what it cannot be; convert it to JSON",
    r"\bon purpose\b": "deliberately",
    r"\bwhat identifies\b": "name it: the ids, or the features",
    r"\bcounted one by one\b": "each of which has its own count",
    r"\btwo looks\b": "two measurements",
    r"\b(?:for|during) the ``with`` statement\b": "within a ``with`` statement",
    r"\bthe name that \w+ has for\b": "the pandas name of the type",
    r"\bsuffices?\b": "is enough; there are too few",
    r"\bbeyond chance\b": "significantly worse, statistically significant",
    r"\bfolded away\b": "collapsed",
    r"\bmust survive\b": "permanent state",
    r"\bstays? silent\b": "raises no alarm",
    r"\b(?:age|number|time) of [\w' ]+ counts from\b": "is measured from, is counted from",
    r"\bis left out here\b|\bare left out here\b": "omitted",
    r"\bwithout (?:folder and|the|an) ending\b": "the file name without the extension",
    r"\b(?:decides? about|decides by the) (?:promotions|metric)\b": "promotions are decided on the metric",
    r"\b(?:predicted|actual) less (?:predicted|actual)\b": "minus",
    r"\bcompared with no (?:champion|model)\b": "was evaluated when there was no champion",
    r"\bshort cut\b": "shortcut",
    r"\ban? \w+ too (?:few|many)\b": "one column too few",
    r"\bcollected no such\b": "has no collected rows that match",
    r"\bmessages like this are left out\b": "similar messages are suppressed",
}

# Rooms whose text has not been read with this list yet, and why. The list only shrinks.
NOT_YET: dict[str, str] = {}

NOT_IMPERATIVE = re.compile(
    r"(?:What|Whatever|Whether|Who|Whoever|How|Where|Which|That|When|If|The|An?|Its?|One|This)\b"
)
RIDDLE = re.compile(r"(?:What|Whatever|Whether|Who|Whoever|How|Where|Which|That|When|If)\b")


@pytest.fixture(scope="module")
def passages(project: Path) -> list[Passage]:
    """All passages of the rooms that are checked."""
    return [found for found in list_passages(project) if not found.file.startswith(tuple(NOT_YET))]


def find_phrases(passage: Passage) -> Iterator[str]:
    """Say which phrases a passage has, and what to write instead."""
    text = " ".join(passage.text.split())
    for phrase, better in PHRASES.items():
        for found in re.finditer(phrase, text, re.IGNORECASE):
            around = text[max(0, found.start() - 30) : found.end() + 30]
            yield f"{passage.file}:{passage.line}: {found[0]!r} in '...{around}...'; better: {better}"


def find_first_line_fault(passage: Passage) -> str:
    """Say what is wrong with the first line of a docstring."""
    first = passage.text.splitlines()[0]
    where = f"{passage.file}:{passage.line}: {first!r}"
    if not passage.text.split("\n\n")[0].rstrip().endswith((".", ":", "?")):
        return f"{where} should end with a full stop"
    if (
        passage.kind == "function"
        and (NOT_IMPERATIVE.match(first) or first.split()[0].endswith("s"))
        and "See" not in first
    ):
        return f"{where} should be imperative: 'Return the ...'"
    if passage.kind != "function" and RIDDLE.match(first):
        return f"{where} should be a noun phrase: 'One step of a run.'"
    return ""


def find_message_fault(passage: Passage) -> str:
    """Say what is wrong with the form of a message."""
    where = f"{passage.file}:{passage.line}: {passage.text!r}"
    if passage.text.count("; ") > 1 and not re.search("<|default-src", passage.text):
        return f"{where} has several semicolons; write sentences"
    if passage.kind == "error" and "; " in passage.text:
        return f"{where}: write two sentences: what is wrong, and what to do"
    if passage.kind == "error" and len(re.findall(r"[.!?](?= [A-Z`{])", passage.text)) > 2:
        return f"{where} has more than three sentences"
    return ""


def test_no_phrase_needs_a_second_reading(passages: list[Passage]) -> None:
    found = [said for passage in passages for said in find_phrases(passage)]
    assert not found, "\n".join(found)


def test_the_first_line_of_a_docstring_says_what_it_is(passages: list[Passage]) -> None:
    docstrings = [passage for passage in passages if passage.kind in ("module", "class", "property", "function")]
    assert len(docstrings) > 100
    found = list(filter(None, map(find_first_line_fault, docstrings)))
    assert not found, "\n".join(found)


def test_messages_are_sentences(passages: list[Passage]) -> None:
    found = list(
        filter(None, (find_message_fault(passage) for passage in passages if passage.kind in ("message", "error")))
    )
    assert not found, "\n".join(found)


def test_the_list_of_unread_rooms_is_current(project: Path) -> None:
    assert [room for room in NOT_YET if not (project / room).exists()] == []


def test_a_phrase_is_found_in_every_kind_of_text() -> None:
    source = '"""It is gone."""\nraise ValueError(f"{x} is gone")  # it is gone\nprint("all is gone")\n'
    kinds = [passage.kind for passage in read_source("a.py", source) if list(find_phrases(passage))]
    assert sorted(kinds) == ["comment", "error", "message", "module"]
    assert list(find_phrases(next(read_page("a.md", "It is\ngone.")))) != []
