"""Rows out of files: what is a row, what is an error and on which line, and what memory it takes."""

import io
from typing import Annotated

import pytest
from pydantic import Field

from app.core.errors import FieldError, Invalid
from app.schemas.recipe import RecipeCreate
from app.schemas.types import Flag, Input, Instant, Line
from app.transfer.formats import Format
from app.transfer.reading import MAX_LINE, read_rows

HEADER = b"label,source,url\n"
GOOD = b"Soup,Aunt,https://example.com/\n"
JSON = b'{"label":"Soup","source":"Aunt","url":"https://example.com/"}\n'
SOUP = RecipeCreate(label="Soup", source="Aunt", url="https://example.com/")


def read(format: Format, content: bytes) -> list[tuple[int, object]]:
    return list(read_rows(format, io.BytesIO(content), RecipeCreate))


def csv(content: bytes) -> list[tuple[int, object]]:
    return read(Format.csv, content)


def jsonl(content: bytes) -> list[tuple[int, object]]:
    return read(Format.jsonl, content)


def errors(rows: list[tuple[int, object]]) -> list[tuple[str, str]]:
    """The pointer and type of each error."""
    lists = [row for _, row in rows if isinstance(row, list)]
    return [(error.pointer, error.type) for errors in lists for error in errors if isinstance(error, FieldError)]


# Good


@pytest.mark.parametrize(
    "content",
    [
        HEADER + GOOD,
        HEADER + GOOD.rstrip(),
        b"\xef\xbb\xbf" + HEADER + GOOD,
        (HEADER + GOOD).replace(b"\n", b"\r\n"),
        (HEADER + GOOD).replace(b"\n", b"\r"),
        HEADER + b"\n\n" + GOOD + b"\n",
        b"url,label,source\nhttps://example.com/,Soup,Aunt\n",
        b'"label","source","url"\n"Soup","Aunt","https://example.com/"\n',
        HEADER + b" Soup , Aunt ,https://example.com/\n",
    ],
)
def test_csv_of_any_kind(content: bytes) -> None:
    assert [row for _, row in csv(content)] == [SOUP]


@pytest.mark.parametrize(
    "content",
    [
        JSON,
        JSON.rstrip(),
        b"\xef\xbb\xbf" + JSON,
        JSON.replace(b"\n", b"\r\n"),
        b"\n \n" + JSON + b"\n\n",
        b'  {"url": "https://example.com/", "source": "Aunt", "label": "S\\u006fup"}  \n',
    ],
)
def test_json_lines_of_any_kind(content: bytes) -> None:
    assert [row for _, row in jsonl(content)] == [SOUP]


def test_quotes_commas_and_other_scripts_are_kept() -> None:
    label = 'Crème "brûlée", 抹茶 🍮; it\'s'
    cell = '"' + label.replace('"', '""') + '"'
    [(_, row)] = csv(HEADER + f"{cell},Aunt,https://example.com/\n".encode())
    assert isinstance(row, RecipeCreate)
    assert row.label == label


def test_typed_cells_and_absent_ones() -> None:
    class Thing(Input):
        count: Annotated[int, Field(ge=0)]
        yes: Flag
        at: Instant
        name: Line | None = None

    content = b"count,yes,at,name\n5,true,2026-01-31T12:00:00Z,\n"
    [(_, row)] = read_rows(Format.csv, io.BytesIO(content), Thing)
    assert isinstance(row, Thing)
    assert (row.count, row.yes, row.at.year, row.name) == (5, True, 2026, None)


@pytest.mark.parametrize(
    ("cell", "text"),
    [("'=1+1", "=1+1"), ("'-5", "-5"), ("'@x", "@x"), ("''tis", "'tis"), ("'tis", "'tis"), ("=1+1", "=1+1")],
)
def test_mark_against_formulas_is_taken_away(cell: str, text: str) -> None:
    [(_, row)] = csv(HEADER + f"{cell},Aunt,https://example.com/\n".encode())
    assert isinstance(row, RecipeCreate)
    assert row.label == text


# Bad rows


def test_error_names_the_line_on_which_its_row_begins() -> None:
    two_lines = b'"So\nup",Aunt,https://example.com/\n'
    rows = csv(HEADER + b"\n" + two_lines + GOOD + b",,\n")
    assert errors(rows) == [("/3/label", "string_pattern_mismatch")] + [
        (f"/6/{name}", "missing") for name in ("label", "source", "url")
    ]
    assert errors(jsonl(b"\n" + JSON + b"{}\n")) == [(f"/3/{name}", "missing") for name in ("label", "source", "url")]


@pytest.mark.parametrize(
    ("line", "pointer"),
    [
        (b"Soup,Aunt", "/2"),
        (b"Soup,Aunt,https://example.com/,x", "/2"),
        (b"Soup", "/2"),
        (b" ", "/2"),
        (b"So\x00up,Aunt,https://example.com/", "/2/label"),
        (b"So\xffup,Aunt,https://example.com/", "/2/label"),
        (b"So\xed\xa0\x80up,Aunt,https://example.com/", "/2/label"),
        (b"Soup,Aunt,javascript:alert(1)", "/2/url"),
        (b"x" * 257 + b",Aunt,https://example.com/", "/2/label"),
        (b"x" * 60_000 + b",Aunt,https://example.com/", "/2/label"),
    ],
)
def test_bad_csv_row(line: bytes, pointer: str) -> None:
    rows = csv(HEADER + line + b"\n" + GOOD)
    assert [one for one, _ in errors(rows)] == [pointer]
    assert rows[-1] == (3, SOUP)


@pytest.mark.parametrize(
    ("line", "pointer"),
    [
        (b"null", "/1"),
        (b"5", "/1"),
        (b"[]", "/1"),
        (b"{", "/1"),
        (b"}", "/1"),
        (JSON.replace(b'"Soup"', b"NaN").rstrip(), "/1/label"),
        (b'{"label": "\xff"}', "/1"),
        (b'{"label": "\\ud800"}', "/1"),
        (b'{"\\ud800": 1}', "/1"),
        (b"[" * 60_000, "/1"),
        (JSON.rstrip() + b",", "/1"),
        (JSON.rstrip() + JSON.rstrip(), "/1"),
        (JSON.replace(b"Soup", b"So\\u0000up").rstrip(), "/1/label"),
        (JSON.replace(b'"Soup"', b"5").rstrip(), "/1/label"),
        (JSON.replace(b"Soup", b"x" * 60_000).rstrip(), "/1/label"),
        (JSON.replace(b"}", b',"id":1}').rstrip(), "/1/id"),
        (JSON.replace(b"}", b',"a/b~c":1}').rstrip(), "/1/a~1b~0c"),
        (JSON.replace(b"}", b',"' + b"x" * 5000 + b'":1}').rstrip(), "/1/" + "x" * 100),
    ],
    ids=lambda value: f"{value[:40]!r} of {len(value)}",
)
def test_bad_json_line(line: bytes, pointer: str) -> None:
    rows = jsonl(line + b"\n" + JSON)
    assert [one for one, _ in errors(rows)] == [pointer]
    assert rows[-1] == (2, SOUP)


def test_errors_speak_of_the_line_once_and_repeat_no_value() -> None:
    [(_, row)] = jsonl(b'{"label": "sesame\n')
    assert isinstance(row, list)
    assert "line" not in row[0].detail
    assert "sesame" not in row[0].detail


# Broken files


@pytest.mark.parametrize(
    "names",
    [
        b"",
        b"\n",
        b"\xef\xbb\xbf",
        b"label;source;url",
        b"label,source,url,",
        b"label,source,url,id",
        b"label,label,url",
        b"Label,source,url",
        b" label,source,url",
        b"\xff\xfe",
        b"\x00",
        b"label\x00,source,url",
        b"Soup,Aunt,https://example.com/",
    ],
)
def test_csv_without_good_names_cannot_be_read(names: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        csv(names + b"\n" + GOOD)
    assert [error.pointer for error in caught.value.errors] == ["/1"]
    assert "label, source, url" in caught.value.errors[0].detail


def test_csv_may_name_less_than_all() -> None:
    assert errors(csv(b"label,source\nSoup,Aunt\n")) == [("/2/url", "missing")]


@pytest.mark.parametrize(
    "line",
    [
        b'"Soup,Aunt,https://example.com/\n' + GOOD * 10,
        b'"Soup,Aunt,https://example.com/\n' + GOOD * 5000,
        b'"Soup" x,Aunt,https://example.com/\n',
        b"x" * MAX_LINE + b"\n",
        b'"\n",' * MAX_LINE,
        b"," * MAX_LINE + b"\n",
    ],
    ids=lambda line: f"{line[:20]!r} of {len(line)}",
)
def test_broken_csv_names_its_line(line: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        csv(HEADER + GOOD + line)
    assert [(error.pointer, error.type) for error in caught.value.errors] == [("/3", "file")]


def test_json_line_without_an_end_is_not_read_to_its_end() -> None:
    file = io.BytesIO(JSON + b"x" * 10_000_000)
    with pytest.raises(Invalid) as caught:
        list(read_rows(Format.jsonl, file, RecipeCreate))
    assert caught.value.errors[0].pointer == "/2"
    assert file.tell() < 200_000


def test_csv_line_without_an_end_is_not_read_to_its_end() -> None:
    file = io.BytesIO(HEADER + b"x" * 10_000_000)
    with pytest.raises(Invalid):
        list(read_rows(Format.csv, file, RecipeCreate))
    assert file.tell() < 200_000


def test_file_stays_open_for_who_opened_it() -> None:
    file = io.BytesIO(HEADER + GOOD + GOOD)
    rows = read_rows(Format.csv, file, RecipeCreate)
    next(rows)
    del rows
    assert not file.closed


def test_reader_may_outlive_its_file() -> None:
    file = io.BytesIO(HEADER + GOOD + GOOD)
    rows = read_rows(Format.csv, file, RecipeCreate)
    next(rows)
    file.close()
    del rows
