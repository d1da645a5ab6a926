"""Pages nobody would write, for properties that hold on all of them."""

from __future__ import annotations

from hypothesis import strategies as st

_NAMES = """
p div span b i a li ul ol dd dt dl table tr td th tbody caption form button h1 section option select pre br
img hr template svg script title textarea noscript x-y code article nav figure blockquote font
"""
NAMES = _NAMES.split()
name = st.sampled_from(NAMES)
attribute = st.sampled_from(
    [
        "",
        " class=a",
        " class='menu main'",
        ' id="x"',
        " hidden",
        " href=/",
        " style='display:none'",
        " role=x",
    ]
)
start = st.builds("<{}{}>".format, name, attribute)
end = name.map("</{}>".format)
text = st.sampled_from(
    [
        "one",
        "Two words.",
        " ",
        "\n",
        "&amp;",
        "&nbsp;",
        "x, y",
        "漢字",
        "12",
        "É",
        "<",
        "&",
        "\0",
        "long " * 15,
    ]
)
other = st.sampled_from(
    ["<br>", "<br><br>", "<!-- c -->", "<![CDATA[ d ]]>", "</", "<!", "<p", "<p a='", "<br/>"]
)
pages = st.lists(start | start | end | text | text | other, max_size=40).map("".join)
"""Tags in any order, most of them never closed or never opened."""
anything = (
    pages.map(str.encode)
    | st.binary(max_size=200)
    | st.tuples(pages, st.binary(max_size=9)).map(lambda both: both[0].encode() + both[1])
)
