"""Rows into files, and out of them again."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.schemas.recipe import RecipeCreate
from app.transfer.formats import Format, guarded, unguarded
from app.transfer.reading import read_rows
from app.transfer.writing import header, lines

URL = "https://example.com/"
RISKY = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201"]

labels = st.from_regex(r"[^\x00-\x1f\x7f]{1,64}", fullmatch=True).map(str.strip).filter(bool)


def write(format: Format, *recipes: RecipeCreate) -> bytes:
    return header(format, RecipeCreate) + lines(format, recipes)


@pytest.mark.parametrize("text", RISKY)
def test_what_a_spreadsheet_may_run_is_marked(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Soup", "a=1", "1-1", "https://example.com/", "Ærø"])
def test_other_text_is_left_alone(text: str) -> None:
    assert guarded(text) == text


@given(st.text())
def test_mark_comes_off_again(text: str) -> None:
    assert unguarded(guarded(text)) == text


@given(st.lists(st.sampled_from(["'", "=", "-", " ", "x"]), max_size=6).map("".join))
def test_mark_comes_off_again_whatever_it_stands_before(text: str) -> None:
    assert unguarded(guarded(text)) == text


@pytest.mark.parametrize("format", Format)
@given(label=labels)
def test_written_rows_are_read_again(format: Format, label: str) -> None:
    recipe = RecipeCreate.model_construct(label=label, source="=1", url=URL)
    content = write(format, recipe, recipe)
    assert [row for _, row in read_rows(format, io.BytesIO(content), RecipeCreate)] == [recipe, recipe]


def test_csv_is_as_rfc_4180_has_it() -> None:
    label = 'A "b", c'
    content = write(Format.csv, RecipeCreate(label=label, source="=cmd|' /C calc'!A0", url=URL)).decode()
    assert content == f"""label,source,url\r\n"A ""b"", c",'=cmd|' /C calc'!A0,{URL}\r\n"""
    assert list(csv.reader(io.StringIO(content)))[1][0] == label


def test_json_lines_are_one_object_a_line() -> None:
    soup = RecipeCreate(label="Crème", source="Aunt", url=URL)
    line = f'{{"label":"Crème","source":"Aunt","url":"{URL}"}}\n'
    assert write(Format.jsonl, soup, soup).decode() == line * 2
