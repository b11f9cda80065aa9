"""The rows of a request: what fits the schema reaches the scoring script, and anything else is named."""

import itertools
import json
import random
from datetime import date
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest

from mlops.problem import Column
from mlops.problem.values import make_table
from mlops.serving.faults import find_fault
from mlops.serving.matrices import FEWEST_BYTES
from mlops.serving.refusals import Refusal
from mlops.serving.rows import RowReader
from mlops.serving.schema import Answer, Feature, Schema

NUMBERS = Schema(1, (Feature("AGE", minimum=18, maximum=100), Feature("mean area", missing=True)), Answer())
PHONES = Schema(
    1,
    (
        Feature("plan", "category", allowed=("basic", "plus")),
        Feature("city", "category", missing=True),
        Feature("fee", minimum=0),
        Feature("calls", maximum=2500.5, missing=True),
        Feature("paperless", "boolean"),
        Feature("mobile", "boolean", missing=True),
        Feature("joined", "date", minimum="2020-01-31", maximum="2026-12-31"),
        Feature("paid", "date", missing=True),
        Feature("seller", "id", missing=True),
    ),
    Answer("boolean", (False, True)),
)
FULL = Schema(1, tuple(msgspec.structs.replace(feature, missing=False) for feature in PHONES.features), PHONES.answer)
CUSTOMER = {
    "plan": "plus",
    "city": "Zürich",
    "fee": 20,
    "calls": 3.5,
    "paperless": True,
    "mobile": False,
    "joined": "2020-01-31",
    "paid": "2026-01-05",
    "seller": 9007199254740993,
}
GAPS = {**CUSTOMER, "city": None, "calls": None, "mobile": None, "paid": None, "seller": None}


def read(schema: Schema, *rows: object) -> Any:
    """Return rows as the scoring script gets them."""
    found, count, _ = RowReader(schema).read_rows(json.dumps({"data": rows}).encode())
    assert count == len(rows)
    return found


def refuse(schema: Schema, body: object) -> str:
    """Return why a body is refused."""
    with pytest.raises(Refusal) as refused:
        RowReader(schema).read_rows(body if isinstance(body, bytes) else json.dumps(body).encode())
    assert refused.value.status == 422
    return str(refused.value)


@pytest.mark.parametrize(
    ("schema", "body", "said"),
    [
        (NUMBERS, '{"data": [[18, 1], {"AGE": 18, "mean area": 1, "AGE": 19}]}', 'data[1] has the key "AGE" twice.'),
        (NUMBERS, '{"data": [{"AGE": "x", "mean area": 1, "AGE": 19}]}', 'data[0] has the key "AGE" twice.'),
        (NUMBERS, '{"data": [[18, 1]], "data": [[18, 2]]}', 'The body has the key "data" twice.'),
        (FULL, json.dumps({"data": [CUSTOMER]})[:-3] + ', "fee": 3}]}', 'data[0] has the key "fee" twice.'),
    ],
)
def test_a_repeated_key_is_refused(schema: Schema, body: str, said: str) -> None:
    assert refuse(schema, body.encode()) == said


def test_a_repeated_key_is_found_among_many_records() -> None:
    record = json.dumps(CUSTOMER)
    rows = [record] * 200
    assert len(read(FULL, *map(json.loads, rows))["fee"]) == 200
    rows[150] = f'{record[:-1]}, "fee": 3}}'
    assert refuse(FULL, f'{{"data": [{", ".join(rows)}]}}'.encode()) == 'data[150] has the key "fee" twice.'


def test_a_text_with_colons_is_no_repeated_key() -> None:
    assert read(PHONES, {**CUSTOMER, "city": 'a: "b": c'})["city"].tolist() == ['a: "b": c']


def test_a_repeated_key_is_found_whatever_the_texts_contain() -> None:
    """The reader compares the number of colons in a body with those of its keys and texts."""
    schema = Schema(1, (Feature("a:b", "category"), Feature("note", "id", missing=True)), Answer(), id="who")
    parts = [":", '\\"', '\\":', "\\\\", "\\u003a", "\\u003A", "\\\\u003a", "u003a", " ", "x"]
    draw = random.Random(0)
    refused = 0
    for _ in range(1000):
        texts = ["".join(draw.choices(parts, k=3)) for _ in range(4)]
        keys = ["a:b", "note", *draw.choices(["note", "a\\u003ab"], k=draw.randrange(2))]
        draw.shuffle(keys)
        row = ", ".join(f'"{key}": "{text}"' for key, text in zip(keys, texts, strict=False))
        body = f'{{"data": [{{{row}}}], "ids": ["{texts[3]}"]}}'
        if len(keys) > 2:
            assert "twice" in refuse(schema, body.encode())
            refused += 1
        else:
            RowReader(schema).read_rows(body.encode())
    assert 300 < refused < 700


def test_lists_and_records_of_numbers_give_the_same_array() -> None:
    lists = read(NUMBERS, [18, 2.5], [100, None])
    assert lists.dtype == np.float64
    np.testing.assert_array_equal(lists, [[18, 2.5], [100, np.nan]])
    records = read(NUMBERS, {"mean area": 2.5, "AGE": 18}, {"AGE": 100, "mean area": None})
    np.testing.assert_array_equal(records, lists)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("count", [1, 7, 8, 500])
def test_numbers_are_read_exactly_whatever_their_number(count: int, gaps: bool) -> None:
    values = [-0.0, 5e-324, 1.7976931348623157e308, 0.1, 2**63, 9007199254740993, -1, 123456789012345678901234567890]
    rows = [[values[(row + column) % len(values)] for column in range(3)] for row in range(count)]
    found = read(Schema(1, tuple(Feature(name, missing=gaps) for name in "abc"), Answer()), *rows)
    assert found.tobytes() == np.array(rows, dtype=np.float64).tobytes()
    assert (found.shape, found.dtype, found.flags.writeable) == ((count, 3), np.float64, True)


def test_many_lists_and_records_can_be_mixed() -> None:
    schema = Schema(1, (Feature("a"), Feature("b")), Answer())
    rows = [{"b": row, "a": -row} if row % 3 else [-row, row] for row in range(100)]
    assert read(schema, *rows).tolist() == [[-row, row] for row in range(100)]


def test_other_kinds_give_columns_that_pandas_takes() -> None:
    columns = read(PHONES, CUSTOMER, GAPS)
    assert list(columns) == [feature.name for feature in PHONES.features]
    types = {name: str(column.dtype) for name, column in columns.items()}
    assert types == {
        "plan": "object",
        "city": "object",
        "fee": "float64",
        "calls": "float64",
        "paperless": "bool",
        "mobile": "object",
        "joined": "datetime64[us]",
        "paid": "datetime64[us]",
        "seller": "object",
    }
    frame = pd.DataFrame(columns)
    assert frame.isna().sum().to_dict() == {name: int(GAPS[name] is None) for name in columns}
    assert frame.iloc[0].to_dict() == {
        **CUSTOMER,
        "seller": "9007199254740993",  # text, as in a table of the problem
        "joined": pd.Timestamp("2020-01-31"),
        "paid": pd.Timestamp("2026-01-05"),
    }


@pytest.mark.parametrize("rows", [[CUSTOMER], [GAPS], [CUSTOMER, GAPS]])
def test_a_gap_is_the_same_alone_and_among_other_rows(rows: list[dict[str, object]]) -> None:
    """The table of the scoring script is the one that `Problem.predict` gets."""
    columns = [
        Column(feature.name, feature.kind, "feature", max_missing=0.5 if feature.missing else 0.0)
        for feature in PHONES.features
    ]
    served, own = pd.DataFrame(read(PHONES, *rows)), make_table(columns, rows)
    pd.testing.assert_frame_equal(served, own, check_dtype=False)
    assert [*map(repr, served.to_numpy().ravel())] == [*map(repr, own.to_numpy().ravel())]
    for column in columns:
        texts = column.kind in ("category", "id")
        assert served[column.name].dtype == (
            "object" if texts and rows == [GAPS] and column.max_missing else own[column.name].dtype
        )


def test_an_empty_text_is_a_missing_value() -> None:
    columns = read(PHONES, {**CUSTOMER, "city": "", "seller": ""}, {**CUSTOMER, "city": "a", "seller": 0})
    assert pd.DataFrame(columns)["city"].isna().tolist() == [True, False]
    assert columns["seller"].tolist()[1] == "0"
    assert np.isnan(columns["seller"][0])
    allowed = Schema(1, (Feature("plan", "category", allowed=("basic",), missing=True), Feature("fee")), Answer())
    assert np.isnan(read(allowed, {"plan": "", "fee": 1})["plan"][0])
    firm = Schema(1, (Feature("city", "category"), Feature("seller", "id")), Answer())
    said = refuse(firm, {"data": [{"city": "", "seller": "a"}]})
    assert said == 'data[0].city is "", which counts as missing, but it must be text.'
    said = refuse(firm, {"data": [{"city": "a", "seller": ""}]})
    assert said == 'data[0].seller is "", which counts as missing, but it must be text or a whole number.'


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"plan": "gold"}, 'data[1].plan is "gold", but it must be one of: basic, plus.'),
        ({"plan": None}, "data[1].plan is null, but it must be one of: basic, plus."),
        ({"plan": "x" * 99}, f'data[1].plan is "{"x" * 40}…", but it must be one of: basic, plus.'),
        ({"city": 3}, "data[1].city is 3, but it must be text, or null."),
        ({"fee": "20"}, 'data[1].fee is "20", but it must be a number from 0.'),
        ({"fee": True}, "data[1].fee is true, but it must be a number from 0."),
        ({"fee": None}, "data[1].fee is null, but it must be a number from 0."),
        ({"fee": -0.5}, "data[1].fee is -0.5, but it must be a number from 0."),
        ({"fee": [1]}, "data[1].fee is a list, but it must be a number from 0."),
        ({"calls": 2501}, "data[1].calls is 2501, but it must be a number up to 2500.5, or null."),
        ({"paperless": 1}, "data[1].paperless is 1, but it must be true or false."),
        ({"paperless": "true"}, 'data[1].paperless is "true", but it must be true or false.'),
        (
            {"joined": "2020-01-30"},
            'data[1].joined is "2020-01-30", but it must be a date from "2020-01-31" to "2026-12-31".',
        ),
        (
            {"joined": "31.1.2020"},
            'data[1].joined is "31.1.2020", but it must be a date from "2020-01-31" to "2026-12-31".',
        ),
        (
            {"paid": "2020-01-31T10:00:00"},
            'data[1].paid is "2020-01-31T10:00:00", but it must be a date in the form "2024-01-31", or null.',
        ),
        ({"seller": 1.5}, "data[1].seller is 1.5, but it must be text or a whole number, or null."),
        (
            {"Plan": "plus"},
            'data[1] has the unknown key "Plan". Allowed keys: '
            "plan, city, fee, calls, paperless, mobile, joined, paid, seller.",
        ),
    ],
)
def test_a_wrong_value_is_named_with_its_row_and_its_column(change: dict[str, object], said: str) -> None:
    assert refuse(PHONES, {"data": [CUSTOMER, {**CUSTOMER, **change}]}) == said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([CUSTOMER], 'The body is a list, but it must be an object: {"data": [...]}.'),
        ({"rows": [CUSTOMER]}, 'The body has the unknown key "rows". Send {"data": [...]}.'),
        ({}, 'The body has no key "data". Send {"data": [...]}.'),
        ({"data": CUSTOMER}, "data is an object, but it must be a list of rows."),
        ({"data": []}, "data has no rows. Send at least one row."),
        (
            {"data": [[1, 2]]},
            "data[0] is a list, but it must be a record, because not all features are numbers. Allowed keys: "
            "plan, city, fee, calls, paperless, mobile, joined, paid, seller.",
        ),
        (
            {"data": [{name: CUSTOMER[name] for name in list(CUSTOMER)[1:]}]},
            'data[0] has no key "plan". Its value must be one of: basic, plus.',
        ),
    ],
)
def test_a_wrong_form_is_named(body: object, said: str) -> None:
    assert refuse(PHONES, body) == said


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"data": [[18, 2], [18]]}', "data[1] has 1 value, but it needs 2: AGE, mean area."),
        (b'{"data": [[18, 2, 3]]}', "data[0] has 3 values, but it needs 2: AGE, mean area."),
        (b'{"data": [3]}', "data[0] is 3, but it must be a record. Allowed keys: AGE, mean area."),
        (b'{"data": [["18", 2]]}', 'data[0].AGE is "18", but it must be a number from 18 to 100.'),
        (b'{"data": [[true, 2]]}', "data[0].AGE is true, but it must be a number from 18 to 100."),
        (b'{"data": [[null, 2]]}', "data[0].AGE is null, but it must be a number from 18 to 100."),
        (b'{"data": [[17.9, 2]]}', "data[0].AGE is 17.9, but it must be a number from 18 to 100."),
        (b'{"data": [[1e999, 2]]}', "data[0].AGE is too large, but it must be a number from 18 to 100."),
        (b'{"data": [[18, -1e999]]}', 'data[0]["mean area"] is too small, but it must be a number, or null.'),
        (
            b'{"data": [[18, 1' + b"0" * 5000 + b"]]}",
            'data[0]["mean area"] is too large, but it must be a number, or null.',
        ),
        (b'{"data": [[18, 2], {"AGE": 1}]}', 'data[1] has no key "mean area". Its value must be a number, or null.'),
    ],
)
def test_a_wrong_list_of_numbers_is_named(body: bytes, said: str) -> None:
    assert refuse(NUMBERS, body) == said
    assert refuse(NUMBERS, body.replace(b"[", b"[" + b" " * FEWEST_BYTES, 1)) == said  # read with simdjson at first


@pytest.mark.parametrize("body", [b"", b"{data", b'{"data": NaN}', b'{"data": [[1', b'{"d\xe4ta": 1}'])
@pytest.mark.parametrize("schema", [NUMBERS, PHONES])
def test_what_is_not_json_is_400(schema: Schema, body: bytes) -> None:
    with pytest.raises(Refusal, match=r"^The body is not JSON: .*\.$") as refused:
        RowReader(schema).read_rows(body)
    assert refused.value.status == 400


@pytest.mark.parametrize("schema", [NUMBERS, PHONES])
def test_a_byte_that_is_not_utf_8_is_400_or_422(schema: Schema) -> None:
    """Wherever it is in the body. Surrogates are bytes that only some decoders accept."""
    reader, rows = RowReader(schema), [CUSTOMER] if schema is PHONES else [[18, 1]]
    body = json.dumps({"data": rows}, ensure_ascii=False).encode()
    for place, wrong in itertools.product(range(len(body)), (b"\xff", b"\xe4", b"\xed\xa0\x80")):
        with pytest.raises(Refusal) as refused:
            reader.read_rows(body[:place] + wrong + body[place:])
        assert refused.value.status in (400, 422)


def test_half_of_a_surrogate_pair_is_refused() -> None:
    """In a date that the schema has before the first value that the check refuses."""
    customer = {**CUSTOMER, "paid": "\ud8002026-01-05", "seller": True}
    said = refuse(PHONES, {"data": [dict(reversed(customer.items()))]})
    assert said.startswith('data[0].paid is "\ud8002026-01-05", but it must be a date')


VALUES = [
    *(None, True, False, 0, 1, -1, 2.5, 2500.5, 2500.6, 18, 1e308, -1e308, 10**400, 9007199254740993),
    *(
        "",
        "plus",
        "Plus",
        "2020-01-31",
        "2020-01-30",
        "2026-12-31",
        "2020-02-30",
        "20200131",
        "2020-1-31",
        " 2020-01-31",
    ),
    *("0001-01-01", "10000-01-01", "1", [], {}, [1], {"a": 1}),
]


@pytest.mark.parametrize("gaps", [True, False])
@pytest.mark.parametrize(("name", "value"), [*itertools.product(CUSTOMER, VALUES)])
def test_a_message_is_found_exactly_for_what_is_refused(name: str, value: object, gaps: bool) -> None:
    """The check of the rows and the search for the fault are two programs that must agree."""
    phones = PHONES if gaps else FULL
    body = json.dumps({"data": [{**CUSTOMER, name: value}]}).encode()
    expected = str(find_fault(phones, body, "nothing"))
    try:
        RowReader(phones).read_rows(body)
        found = "nothing"
    except Refusal as refused:
        found = str(refused)
    assert found == expected


def test_many_names_are_shortened() -> None:
    wide = Schema(1, tuple(Feature(f"x{place}") for place in range(5000)), Answer())
    said = refuse(wide, {"data": [[1.0]]})
    assert said == ("data[0] has 1 value, but it needs 5000: x0, x1, x2, x3, x4, x5, x6, x7, x8, x9 and 4990 more.")
    assert read(wide, [1.0] * 5000).shape == (1, 5000)


@pytest.mark.parametrize("name", ['5" pipe', "a\\b", "a\tb", "ü ñ", "", "data", "__class__", "a.b"])
@pytest.mark.parametrize("kind", ["category", "number"])
def test_a_column_can_have_any_name(name: str, kind: Any) -> None:
    schema = Schema(1, (Feature(name, minimum=0), Feature("day", "date", missing=True), Feature("x", kind)), Answer())
    value = 1.0 if kind == "number" else "plus"
    columns = read(schema, {name: 1, "day": "2024-01-31", "x": value}, {name: 2, "day": None, "x": value})
    assert columns[name].tolist() == [1.0, 2.0]
    assert columns["day"].astype("datetime64[D]").tolist() == [date(2024, 1, 31), None]
    assert refuse(schema, {"data": [{name: -1, "day": None, "x": value}]}).endswith("it must be a number from 0.")
    assert "has no key" in refuse(schema, {"data": [{"day": None, "x": value}]})
    assert "has the unknown key" in refuse(schema, {"data": [{name: 1, "day": None, "x": value, "y": 1}]})
    numbers = Schema(1, (Feature(name), Feature("x")), Answer())
    np.testing.assert_array_equal(read(numbers, [1, 2], {name: 3, "x": 4}), [[1, 2], [3, 4]])


def test_days_are_compared_as_days() -> None:
    assert Feature("joined", "date", minimum="2020-01-31").days == (date(2020, 1, 31), date(9999, 12, 31))


KEYED = {
    "lists": (msgspec.structs.replace(NUMBERS, id="customer"), [[18, 1.5], [19, 2]]),
    "records": (msgspec.structs.replace(PHONES, id="customer"), [CUSTOMER, GAPS]),
}


@pytest.mark.parametrize("kind", KEYED)
@pytest.mark.parametrize(
    ("ids", "found"),
    [(["a: b", 7], ["a: b", "7"]), ([None, ""], None), ([None, "x"], [None, "x"]), (None, None)],
)
def test_the_ids_of_rows_are_read_beside_the_rows(kind: str, ids: object, found: object) -> None:
    schema, rows = KEYED[kind]
    body = json.dumps({"ids": ids, "data": rows}).encode()
    read, count, given = RowReader(schema).read_rows(body)
    assert (count, given) == (2, found)
    assert len(read) == (2 if kind == "lists" else len(PHONES.features))
    assert RowReader(schema).read_rows(json.dumps({"data": rows}).encode())[2] is None


@pytest.mark.parametrize("kind", KEYED)
@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('"ids": ["a"]', "ids has 1 value, but data has 2 rows. Send one id, or null, for each row."),
        ('"ids": "a"', 'ids is "a", but it must be a list.'),
        ('"ids": ["a", 1.5]', "ids[1] is 1.5, but it must be text, a whole number, or null."),
        ('"ids": [true, "b"]', "ids[0] is true, but it must be text, a whole number, or null."),
        ('"ids": ["a", "b"], "ids": ["a", "c"]', 'The body has the key "ids" twice.'),
    ],
)
def test_wrong_ids_are_refused(kind: str, more: str, said: str) -> None:
    schema, rows = KEYED[kind]
    assert refuse(schema, f'{{"data": {json.dumps(rows)}, {more}}}'.encode()) == said


def test_an_id_among_the_features_is_refused_with_the_place_where_it_belongs() -> None:
    schema, _ = KEYED["records"]
    said = refuse(schema, {"data": [{**CUSTOMER, "customer": "c1"}]})
    assert said == 'data[0] has the unknown key "customer". Send the ids of rows in ids, beside data.'
    assert refuse(PHONES, {"data": [CUSTOMER], "ids": ["c1"]}) == (
        'The body has the unknown key "ids", because the problem has no id column. Send {"data": [...]}.'
    )
    said = refuse(schema, {"data": [CUSTOMER], "id": ["c1"]})
    assert said == 'The body has the unknown key "id". Allowed keys: data, ids.'
