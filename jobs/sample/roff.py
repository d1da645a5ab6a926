"""Manual pages as plain text: what `man` and `mdoc` macros say, without what they look like.

Source: groff_man(7), groff_char(7), mdoc(7).
Not implemented: tables (tbl), equations (eqn), macros that a page defines itself, numeric conditions.
"""

from __future__ import annotations

import re

CHARACTERS = {
    "em": "—", "en": "–", "hy": "-", "mi": "−", "pl": "+", "mu": "×", "di": "÷", "eq": "=", "bu": "•",
    "ci": "○", "lq": "“", "rq": "”", "oq": "‘", "cq": "’", "aq": "'", "dq": '"', "Bq": "„", "bq": "‚",
    "Fo": "«", "Fc": "»", "co": "©", "rg": "®", "tm": "™", "de": "°", "sc": "§", "ps": "¶", "dg": "†",
    "ha": "^", "ti": "~", "ga": "`", "rs": "\\", "sl": "/", "ba": "|", "or": "|", "at": "@", "sh": "#",
    "Do": "$", "Eu": "€", "Po": "£", "ss": "ß", "<-": "←", "->": "→", "<=": "≤", ">=": "≥", "!=": "≠",
    "+-": "±", "mc": "µ", "*m": "μ", "if": "∞", "lB": "[", "rB": "]", "lC": "{", "rC": "}", "la": "⟨",
    "ra": "⟩", ":a": "ä", ":o": "ö", ":u": "ü", ":A": "Ä", ":O": "Ö", ":U": "Ü", "'e": "é", "`e": "è",
    "'a": "á", "`a": "à", "'o": "ó", "'i": "í", "'u": "ú", "^e": "ê", "~n": "ñ", ",c": "ç", "oa": "å",
    "/o": "ø",
}  # fmt: skip
STRINGS = {"lq": "“", "rq": "”", "R": "®", "Tm": "™", "--": "—", "Aq": "'"}
ESCAPE = re.compile(
    r"""\\(?:
      ["\#].*
    | \[(?P<long>[^\]]*)\] | \((?P<short>..)
    | \*(?:\[(?P<string>[^\]]*)\] | \((?P<string2>..) | (?P<string1>.))
    | [fFmMnYk](?:\[[^\]]*\] | \(.. | [+-]?.)
    | s(?:\[[^\]]*\] | '[^']*' | [+-]?\(?\d{1,2})
    | [hvwlLDXRHSNbo]'[^']*'
    | [z&|^/,:%)cpdut{}]
    | (?P<space>[ ~0])
    | (?P<self>.)
    )""",
    re.VERBOSE,
)
"""Alternatives without a name are about looks and leave nothing behind."""

BREAKS = {"PP", "P", "LP", "HP", "sp", "Pp", "Lp"}
HEADINGS = {"SH", "SS", "Sh", "Ss"}
SAME_FONT = {"B", "I", "SM", "SB", "R", "CW", "UR", "UE", "MT", "ME"}
OTHER_FONTS = {"BI", "BR", "IB", "IR", "RB", "RI"}
BEGINS_EXAMPLE, ENDS_EXAMPLE = {"nf", "EX", "Bd", "Vb"}, {"fi", "EE", "Ed", "Ve"}
SKIPPED = {"TS": "TE", "EQ": "EN", "PS": "PE", "ig": "", "de": "", "de1": "", "am": ""}
"""Request -> the one that ends what it begins; `..` is the empty one."""
MDOC = {
    "Ad", "An", "Ap", "Aq", "Ar", "At", "Bq", "Brq", "Bsx", "Bx", "Cd", "Cm", "D1", "Dl", "Dq", "Dv", "Em",
    "Er", "Ev", "Fa", "Fd", "Fl", "Fn", "Ft", "Fx", "Ic", "In", "It", "Li", "Lk", "Mt", "Nd", "Nm", "No",
    "Ns", "Nx", "Oc", "Oo", "Op", "Ox", "Pa", "Pf", "Pq", "Ql", "Qq", "Sq", "St", "Sx", "Sy", "Tg", "Tn",
    "Ux", "Va", "Vt", "Xr",
}  # fmt: skip
BRACKETS = {
    "Op": "[]", "Oo": "[]", "Bq": "[]", "Sq": "‘’", "Ql": "‘’", "Dq": "“”", "Qq": '""', "Pq": "()",
    "Aq": "<>", "Brq": "{}",
}  # fmt: skip
CJK = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\uff00-\uffef]")


def plain(source: str) -> str:
    """The text of a manual page: headings on lines of their own, paragraphs filled, examples as they are."""
    page = _Page()
    for line in _conditions_met(re.sub(r"\\\n", "", source).split("\n")):
        page.take(line)
    return page.text()


def unescape(text: str) -> str:
    """`text` with groff's escapes resolved."""

    def resolve(match: re.Match[str]) -> str:
        kind = match.lastgroup
        if kind is None:
            return ""
        name = match[kind]
        if kind in {"long", "short"}:
            return CHARACTERS.get(name) or _unicode(name)
        if kind.startswith("string"):
            return STRINGS.get(name, "")
        return {"space": " "}.get(kind, "\\" if name in "eE" else name)

    return ESCAPE.sub(resolve, text)


def _unicode(glyph: str) -> str:
    digits = re.fullmatch(r"u([0-9A-F]{4,6})(?:_[0-9A-F]{4,6})*", glyph)
    code = int(digits.group(1), 16) if digits else 0
    return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else ""


def _conditions_met(lines: list[str]) -> list[str]:
    # What `.if n` and `.ie n` guard is for terminals, and so for us; every other branch is left out.
    out: list[str] = []
    depth = 0
    for line in lines:
        if depth:
            depth += line.count(r"\{") - line.count(r"\}")
            continue
        if match := re.match(r"[.']\s*(?:(if|ie)\s+(\S+)|el)\s*(.*)", line):
            _, condition, rest = match.groups()
            if condition == "n":
                out.append(rest.replace(r"\{", ""))
            else:
                depth = max(0, line.count(r"\{") - line.count(r"\}"))
        else:
            out.append(line)
    return out


class _Page:
    """The lines written so far, and what the next line of the source means."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.words: list[str] = []
        self.example = self.tag_follows = False
        self.skipped_until: str | None = None
        self.name = ""

    def text(self) -> str:
        self._break()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self.lines)).strip()

    def take(self, line: str) -> None:
        """One line of the source."""
        request = re.match(r"[.']\s*(\S*)\s*(.*)", line)
        if self.skipped_until is not None:
            if request and request[1].strip(".") == self.skipped_until:
                self.skipped_until = None
        elif request is None:
            self._say(unescape(line)) if line.strip() else self._paragraph()
        elif not request[1].startswith("\\"):
            self._request(request[1], re.sub(r'\s*\\".*', "", request[2]))

    def _request(self, macro: str, rest: str) -> None:
        if macro in SKIPPED:
            self.skipped_until = SKIPPED[macro]
        elif macro in HEADINGS:
            self._paragraph()
            self.example, self.tag_follows = False, True
            self._say(" ".join(arguments(rest)))
        elif macro in BREAKS:
            self._paragraph()
        elif macro == "br":
            self._break()
        elif macro in BEGINS_EXAMPLE or macro in ENDS_EXAMPLE:
            self._break()
            self.example = macro in BEGINS_EXAMPLE
        elif macro in {"TP", "TQ"}:
            self._paragraph() if macro == "TP" else self._break()
            self.tag_follows = True
        elif macro in {"IP", "It"}:
            self._paragraph()
            tag = arguments(rest)
            self.tag_follows = tag[:1] != ["•"]
            self._say(self._mdoc("No", tag) if macro == "It" else " ".join(tag[:1]))
            self.tag_follows = False
        else:
            self._say(self._phrase(macro, arguments(rest)))

    def _phrase(self, macro: str, words: list[str]) -> str:
        if macro in SAME_FONT:
            return " ".join(words)
        if macro in OTHER_FONTS:
            return "".join(words)
        return self._mdoc(macro, words) if macro in MDOC else ""

    def _mdoc(self, macro: str, words: list[str]) -> str:
        # One line of mdoc may call macros anywhere: they are words like any other.
        if macro == "Nm":
            self.name = self.name or "".join(words[:1])
            words = words if words and words[0] not in MDOC else [self.name, *words]
        if macro == "Xr" and len(words) > 1:
            words = [f"{words[0]}({words[1]})", *words[2:]]
        out, before, after = "", "– " if macro == "Nd" else "", ""
        for word in [macro, *words]:
            if word in BRACKETS:
                before += BRACKETS[word][0]
                after = BRACKETS[word][1] + after
            elif word == "Fl":
                before += "-"
            elif word == "Ns":
                out = out.rstrip()
            elif word not in MDOC:
                out = out.rstrip() if re.fullmatch(r"[.,;:)\]?!]", word) else out
                out, before = f"{out}{before}{word} ", ""
        return out.rstrip() + after

    def _say(self, text: str) -> None:
        if self.example:
            self.lines.append(f"    {text}".rstrip())
        elif text.strip():
            self.words.append(text.strip())
            if self.tag_follows:
                self._break()

    def _break(self) -> None:
        if self.words:
            line = self.words[0]
            for words in self.words[1:]:
                line += words if CJK.match(line[-1]) and CJK.match(words[0]) else f" {words}"
            self.lines.append(" ".join(line.split()))
        self.words, self.tag_follows = [], False

    def _paragraph(self) -> None:
        self._break()
        self.lines.append("")


def arguments(rest: str) -> list[str]:
    """A macro's arguments: separated by spaces, quoted by `"`, in which `""` is a quote."""
    words = re.findall(r'"((?:[^"]|"")*)"?|((?:\\.|[^\s\\])+)', rest)
    return [unescape(quoted.replace('""', '"') if quoted or not bare else bare) for quoted, bare in words]
