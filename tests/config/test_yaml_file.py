"""YAML text to values and lines."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wgan.config.yaml_file import MAX_BYTES, MAX_DEPTH, read, scalar, write
from wgan.utils.errors import InputError


def values(text: str) -> dict:
    return read(text.encode(), "x.yaml").values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E+3", 1000.0),
        (".5", 0.5),
        ("-.5e1", -5.0),
        ("1_000", 1000),
        ("010", 10),  # YAML 1.1: eight
        ("+3", 3),
        ("yes", "yes"),  # YAML 1.1: true
        ("no", "no"),
        ("off", "off"),
        ("12:30", "12:30"),  # YAML 1.1: 750
        ("2024-01-01", "2024-01-01"),  # YAML 1.1: a date
        ("True", True),
        ("null", None),
        ("~", None),
        ("", None),
        ("e5", "e5"),
        ("1.2.3", "1.2.3"),
        ("0x1F", "0x1F"),
        ("9" * 5000, "9" * 5000),  # int() refuses so many digits
    ],
)
def test_scalars_mean_what_their_writer_meant(text, value):
    assert scalar(text) == value
    assert type(scalar(text)) is type(value)


def test_quoted_numbers_are_text():
    assert values("a: '1'\nb: \"2\"\nc: 3") == {"a": "1", "b": "2", "c": 3}


def test_every_value_knows_its_line_and_its_text():
    document = read(b"# first\narch: DCGAN\nclasses:\n  - 007\n  - 8\nsweep: {seed: [1,\n  2]}\n", "x.yaml")
    assert document.lines[("arch",)] == 2
    assert document.lines[("classes",)] == 3
    assert document.lines[("classes", 1)] == 5
    assert document.lines[("sweep", "seed", 1)] == 7
    assert document.texts[("classes", 0)] == "007"


def test_a_key_given_again_is_reported_and_the_first_value_stays():
    document = read(b"a: 1\nb: {c: 1, c: 2}\na: 3\n", "x.yaml")
    assert document.duplicates == [(("b", "c"), 2), (("a",), 3)]
    assert document.values == {"a": 1, "b": {"c": 1}}
    assert document.lines[("a",)] == 1


def test_tabs_separate_as_spaces_do():
    assert values("a:\t1\nb: [1,\t2]\t\nc: x\t# a comment\nd: {e:\t3}\n") == {
        "a": 1,
        "b": [1, 2],
        "c": "x",
        "d": {"e": 3},
    }


def test_windows_and_old_mac_files_are_read():
    assert values("\ufeffa: 1\r\nb: 2\r\n") == {"a": 1, "b": 2}
    assert read("a: 1\nb: ü\n".encode("utf-16"), "x.yaml").values == {"a": 1, "b": "ü"}


def test_aliases_repeat_their_value():
    assert values("a: &x [1, 2]\nb: *x\n") == {"a": [1, 2], "b": [1, 2]}


def test_an_alias_bomb_is_refused_before_it_expands():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    with pytest.raises(InputError, match="more than 10,000 values"):
        values("\n".join(lines))


def test_aliases_cannot_nest_deeper_than_text_can():
    deep = "[" * (MAX_DEPTH - 2) + "]" * (MAX_DEPTH - 2)
    assert values(f"a: {deep}")
    with pytest.raises(InputError, match="nested more than 16 levels"):
        values(f"a: &a {deep}\nb: [[[*a]]]")


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system [echo]", "!!python/name:os.system x", "!own 3", "!!set {}"]
)
def test_no_tag_is_followed(tag):
    with pytest.raises(InputError, match="is not allowed"):
        values(f"a: {tag}")


def test_a_file_larger_than_the_limit_is_refused_unread():
    with pytest.raises(InputError, match="a configuration has at most"):
        read(b"a: [" + b"[" * MAX_BYTES, "x.yaml")


def test_the_place_of_a_syntax_error_is_marked_under_its_line():
    with pytest.raises(InputError) as caught:
        values("arch: DCGAN\nrun: a: b\n")
    place, line, mark = str(caught.value).splitlines()
    assert place.startswith("x.yaml:2:7: broken YAML")
    assert line[mark.index("^")] == ":"
    assert line.strip() == "run: a: b"


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), plain_values, min_size=1, max_size=5))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read_back(mapping):
    assert values(write(mapping)) == mapping


@pytest.mark.parametrize("break_", ["\n", "\r", "\r\n", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("form", ["{}", "a{}b", " {}", "'{}\n", "{}{}: #"])
def test_every_kind_of_line_break_is_read_back(break_, form):
    text = form.replace("{}", break_)
    assert values(write({text: [text]})) == {text: [text]}


def test_a_text_that_looks_like_a_number_stays_a_text():
    assert values(write({"run": "0E0", "1e5": "1e-4"})) == {"run": "0E0", "1e5": "1e-4"}


@given(
    st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | st.text("[]{}&*a:-, \n!|>'\"#?%@", max_size=60).map(str.encode)
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_mapping_or_an_error_that_names_the_file(content):
    try:
        told = f"x.yaml: {dict(read(content, 'x.yaml').values)}"
    except InputError as error:
        told = str(error)
    assert told.startswith("x.yaml:")
