from __future__ import annotations

from serving.conversion.invented_rows import rows_with_odd_numbers, rows_with_unknown_texts
from serving.runtime.columns import NUMBER, TEXT, TRUTH, WHOLE, Column
from serving.runtime.signature import InputSignature

SIGNATURE = InputSignature(
    (Column("a", NUMBER), Column("b", TEXT), Column("c", WHOLE), Column("d", TRUTH))
)
ROW = [1.5, "rent", 3, True]


def test_each_text_is_replaced_by_texts_that_nobody_sent() -> None:
    rows = rows_with_unknown_texts(SIGNATURE, [ROW])
    assert [row[:1] + row[2:] for row in rows] == [[1.5, 3, True]] * 2
    assert "" in [row[1] for row in rows]
    assert "rent" not in [row[1] for row in rows]


def test_each_number_is_replaced_by_odd_ones_that_the_signature_allows() -> None:
    rows = rows_with_odd_numbers(SIGNATURE, [ROW])
    assert {row[0] for row in rows} == {1.5, 0.0, -1.0, 1e39, -1e39}
    assert {row[2] for row in rows} == {3, 0, -1, 2**40}
    assert SIGNATURE.checked(rows).cells == rows
    assert all(len([x for x, y in zip(row, ROW, strict=True) if x != y]) == 1 for row in rows)


def test_a_few_rows_are_enough() -> None:
    assert len(rows_with_unknown_texts(SIGNATURE, [ROW] * 100)) == 6
