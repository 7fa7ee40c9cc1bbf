"""Any text is fit to be shown: nothing in it moves a cursor or turns a line round."""

from __future__ import annotations

import shlex
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxiway.terminal import one_line, printable, shell

SHOWN = {
    "plain": ("née, 日本, 👍", "née, 日本, 👍"),
    "lines": ("a\n\tb", "a\n\tb"),
    "a colour": ("\x1b[31mred", "␛[31mred"),
    "a title": ("\x1b]0;owned\x07", "␛]0;owned␇"),
    "a C1 escape": ("\x9b31mred", "�31mred"),
    "a carriage return": ("real\rfake", "real␍fake"),
    "delete and NUL": ("\x7f\0", "␡␀"),
    "a line turned round": ("\u202eevil\u202c \u2066x\u2069", "�evil� �x�"),
    "what is not seen": ("a\u200bb\ufeff\U000e0041", "a�b��"),
    "other line ends": ("a\u2028b\x85c", "a�b�c"),
    "bytes that are no text": ("\udcff", "�"),
    "markup": ("[/b] [red]x[/red] :smile:", "[/b] [red]x[/red] :smile:"),
}


@pytest.mark.parametrize("case", SHOWN)
def test_a_text_is_shown_as_what_it_is(case: str) -> None:
    given_text, shown = SHOWN[case]
    assert printable(given_text) == shown
    assert len(shown) == len(given_text)


def test_on_one_line_line_ends_are_shown_too() -> None:
    assert one_line("a\n\tb") == "a␊␉b"


@given(st.text(st.characters()))
def test_what_is_printable_is_so_whatever_it_was(text: str) -> None:
    shown = printable(text)
    assert printable(shown) == shown
    shown.encode()
    assert "\x1b" not in shown
    assert one_line(text).count("\n") == 0


HOSTILE = (
    "a b", "`touch x`", "$(touch x)", "$HOME", "it's", '"', "!!", "!x", "a\nb", "\ttab", "\\n",
    "*", "~", "#x", "", ";x", "a&b", "é", "\x1b[31m", "\u202eevil", "'\n\\", "--set", "a=b c",
)  # fmt: skip


def test_a_command_line_is_read_by_a_shell_as_the_words_it_was() -> None:
    line = shell(["printf", r"%s\0", *HOSTILE])
    assert len(line.splitlines()) == 1
    assert printable(line) == line
    told = subprocess.run(["bash", "-c", line], capture_output=True, check=True, text=True)
    assert told.stdout.split("\0") == [*HOSTILE, ""]


def test_what_can_be_shown_is_quoted_as_any_shell_reads_it() -> None:
    plain = [word for word in HOSTILE if one_line(word) == word]
    assert shlex.split(shell(plain)) == plain
