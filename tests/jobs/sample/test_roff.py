"""Manual pages as text: golden pages of both macro packages, and that nothing makes it stop or loop."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.sample.roff import arguments, plain, unescape

MAN = r""".\" a comment
'\" t
.TH GREET 1 2024-01-01 "greet 1.0" "User Commands"
.SH NAME
greet \- say \(lqhello\(rq
.SH "SEE ALSO AND MORE"
.B greet
.RI [ name ]
.BR friend (1),
says
\fBhello\fP\c
 twice.
.PP
A new
paragraph\&.
.nf
$ greet  \-v
  hello
.fi
.TP
.B \-v
be verbose
and long
.IP \(bu 2
a bullet
.IP "\-\-quiet" 4
no words
.TS
l l.
dropped	table
.TE
.de XX
dropped macro
..
.if t .ds x dropped
.ie n kept \e here
.el dropped
.if t \{
dropped
.\}
.UR http://x.example
the site
.UE .
"""

MAN_TEXT = """\
NAME
greet - say “hello”

SEE ALSO AND MORE
greet [name] friend(1), says hello twice.

A new paragraph.
    $ greet  -v
      hello

-v
be verbose and long

• a bullet

--quiet
no words kept \\ here http://x.example the site ."""

MDOC = r""".Dd January 1, 2024
.Dt GREET 1
.Os
.Sh NAME
.Nm greet
.Nd say hello
.Sh SYNOPSIS
.Nm
.Op Fl v
.Op Fl n Ar name
.Sh DESCRIPTION
The
.Nm
utility greets
.Pa /etc/motd ,
see
.Xr friend 1 .
.Bl -tag
.It Fl v
verbose
.El
.Bd -literal
x  y
.Ed
"""

MDOC_TEXT = """\
NAME
greet – say hello

SYNOPSIS
greet [-v] [-n name]

DESCRIPTION
The greet utility greets /etc/motd, see friend(1).

-v
verbose
    x  y"""


def test_man() -> None:
    assert plain(MAN) == MAN_TEXT


def test_mdoc() -> None:
    assert plain(MDOC) == MDOC_TEXT


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"a\-b\ c\~d\0e", "a-b c d e"),
        (r"\fBbold\fR \f(CWmono\fP \f[I]it\f[]", "bold mono it"),
        (r"\(co \[co] \[u00E9] \[u1F600] \[unknown]", "© © é 😀 "),
        (r"\s-1small\s0 \s+2x\s'10'y", "small xy"),
        (r"\*(lqq\*(rq \*R \*[undefined]", "“q” ® "),
        (r"\h'2n'x\v'1'y\w'abc'", "xy"),
        (r"back\eslash \\ end\" comment", "back\\slash \\ end"),
        (r"\&.dot \'acute \`grave", ".dot 'acute `grave"),
        (r"\[u110000] \[uD800]", " "),
        ("trailing \\", "trailing \\"),
    ],
)
def test_unescape(source: str, text: str) -> None:
    assert unescape(source) == text


@pytest.mark.parametrize(
    ("rest", "words"),
    [
        ("a b", ["a", "b"]),
        ('"a b" c', ["a b", "c"]),
        ('"say ""x"""', ['say "x"']),
        ('"open', ["open"]),
        (r"a\ b c", ["a b", "c"]),
        ('""', [""]),
        ("", []),
    ],
)
def test_arguments(rest: str, words: list[str]) -> None:
    assert arguments(rest) == words


def test_cjk_lines_are_joined_without_a_space() -> None:
    assert plain(".SH 名前\n日本語の\n文章と\nword と") == "名前\n日本語の文章と word と"


def test_a_heading_on_its_own_line() -> None:
    assert plain(".SH\nNAME\ntext") == "NAME\ntext"


def test_lines_continued_by_a_backslash() -> None:
    assert plain("one \\\ntwo") == "one two"


@pytest.mark.parametrize(
    "source", ["", "\n\n", ".TH A 1\n", ".so man1/other.1\n", ".de X\nnever closed", ".TS\n"]
)
def test_pages_that_say_nothing(source: str) -> None:
    assert plain(source) == ""


@given(st.lists(st.text("aB .\\\"'{}()[]*fnsh-", max_size=30), max_size=20).map("\n".join))
def test_whatever_comes_is_read(source: str) -> None:
    text = plain(source)
    assert text == text.strip()
    assert "\n\n\n" not in text


@given(st.lists(st.text("abcdef xyz", min_size=1, max_size=60), max_size=10))
def test_plain_words_stay_as_they_are(lines: list[str]) -> None:
    assert plain("\n".join(lines)).split() == " ".join(lines).split()
