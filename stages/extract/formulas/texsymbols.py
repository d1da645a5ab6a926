"""Characters of mathematical text and what LaTeX calls them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

# Symbols of LaTeX, amsmath and amssymb as the unicode-math package assigns them to characters.
_COMMANDS = """
α alpha β beta γ gamma δ delta ϵ epsilon ε varepsilon ζ zeta η eta θ theta ϑ vartheta ι iota κ kappa ϰ
varkappa λ lambda μ mu µ mu ν nu ξ xi π pi ϖ varpi ρ rho ϱ varrho σ sigma ς varsigma τ tau υ upsilon ϕ
phi φ varphi χ chi ψ psi ω omega Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Υ Upsilon Φ Phi Ψ Psi
Ω Omega ∂ partial ∇ nabla ∞ infty ℏ hbar ħ hbar ℓ ell ℘ wp ∅ emptyset ⌀ varnothing ∀ forall ∃ exists ∄
nexists ¬ neg ı imath ȷ jmath † dagger ‡ ddagger ⊤ top ⊥ perp ∠ angle ∡ measuredangle △ triangle □ square
■ blacksquare ♭ flat ♮ natural ♯ sharp ★ bigstar ◊ lozenge ∁ complement ð eth Ⅎ Finv ℧ mho ℵ aleph ℶ beth
ℷ gimel ± pm ∓ mp × times ÷ div ∗ ast ⋆ star ∘ circ ∙ bullet • bullet · cdot ⋅ cdot ∩ cap ∪ cup ⊎ uplus ⊓
sqcap ⊔ sqcup ∨ vee ∧ wedge ∖ setminus ≀ wr ⊕ oplus ⊖ ominus ⊗ otimes ⊘ oslash ⊙ odot ◯ bigcirc ⋄ diamond
⊞ boxplus ⊠ boxtimes ⋊ rtimes ⋉ ltimes ⨿ amalg ⊻ veebar ∔ dotplus ≤ leq ≥ geq ⩽ leqslant ⩾ geqslant ≪ ll
≫ gg ≠ neq ≡ equiv ≢ not\\equiv ≈ approx ≉ not\\approx ∼ sim ≁ nsim ≃ simeq ≅ cong ≇ ncong ∝ propto ≍
asymp ≐ doteq ≜ triangleq ≔ coloneqq ≕ eqqcolon ≺ prec ≻ succ ⪯ preceq ⪰ succeq ≼ preccurlyeq ≽
succcurlyeq ≲ lesssim ≳ gtrsim ≮ nless ≯ ngtr ≰ nleq ≱ ngeq ⊲ triangleleft ⊳ triangleright ⊴
trianglelefteq ⊵ trianglerighteq ⊂ subset ⊃ supset ⊄ not\\subset ⊆ subseteq ⊇ supseteq ⊈ nsubseteq ⊊
subsetneq ⊋ supsetneq ⊏ sqsubset ⊑ sqsubseteq ⊒ sqsupseteq ∈ in ∉ notin ∋ ni ∣ mid ∤ nmid ∥ parallel ∦
nparallel ⊢ vdash ⊣ dashv ⊨ models ⊩ Vdash ⋈ bowtie ⌣ smile ⌢ frown ∴ therefore ∵ because ∶ colon ←
leftarrow → rightarrow ↑ uparrow ↓ downarrow ↔ leftrightarrow ↕ updownarrow ⇐ Leftarrow ⇒ Rightarrow ⇑
Uparrow ⇓ Downarrow ⇔ Leftrightarrow ⟵ longleftarrow ⟶ longrightarrow ⟷ longleftrightarrow ⟸
Longleftarrow ⟹ Longrightarrow ⟺ Longleftrightarrow ↦ mapsto ⟼ longmapsto ↗ nearrow ↘ searrow ↙ swarrow ↖
nwarrow ↩ hookleftarrow ↪ hookrightarrow ⇀ rightharpoonup ⇁ rightharpoondown ↼ leftharpoonup ↽
leftharpoondown ⇌ rightleftharpoons ⇄ rightleftarrows ↠ twoheadrightarrow ↣ rightarrowtail ⇝
rightsquigarrow ↛ nrightarrow ⇏ nRightarrow ⊸ multimap ∑ sum ∏ prod ∐ coprod ∫ int ∬ iint ∭ iiint ∮ oint
∯ oiint ⋂ bigcap ⋃ bigcup ⨆ bigsqcup ⋁ bigvee ⋀ bigwedge ⨁ bigoplus ⨂ bigotimes ⨀ bigodot √ surd ⟨ langle
⟩ rangle 〈 langle 〉 rangle ⌊ lfloor ⌋ rfloor ⌈ lceil ⌉ rceil ‖ Vert ⟦ llbracket ⟧ rrbracket … ldots ⋯
cdots ⋮ vdots ⋱ ddots ′ prime ″ prime\\prime ° degree ℜ Re ℑ Im
"""
_LITERAL = {
    "\u2212": "-", "\u2010": "-", "\u2011": "-", "\u2013": "-", "\u2215": "/", "\u2044": "/", "\u02b9": "'",
    "\u2016": r"\|", "\u2225": r"\parallel", "\u2061": "", "\u2062": "", "\u2063": "", "\u2064": "",
    "\u200b": "", "\ufeff": "", "\u2009": r"\,", "\u200a": r"\,", "\u202f": r"\,", "\u2005": r"\:",
    "\u2004": r"\;", "\u2003": r"\quad", "\u2002": r"\enspace", "\u00a0": r"\ ", "\u2329": r"\langle",
    "\u232a": r"\rangle",
    "{": r"\{", "}": r"\}", "%": r"\%", "#": r"\#", "&": r"\&", "_": r"\_", "$": r"\$", "~": r"\sim",
    "\\": r"\backslash",
}  # fmt: skip


def _table() -> Mapping[str, str]:
    words = _COMMANDS.split()
    commands = dict(zip(words[::2], words[1::2], strict=True))
    return {char: "\\" + name for char, name in commands.items()} | _LITERAL


SYMBOLS = _table()

_FUNCTIONS = """
arccos arcsin arctan arg cos cosh cot coth csc deg det dim exp gcd hom inf ker lg lim liminf limsup ln log max
min Pr sec sin sinh sup tan tanh
"""
_BELOW = "lim liminf limsup max min sup inf det gcd Pr"
FUNCTIONS = frozenset(_FUNCTIONS.split())
LIMITS = frozenset([SYMBOLS[c] for c in "∑∏∐∫∬∭∮⋂⋃⨆⋁⋀⨁⨂⨀"] + ["\\" + name for name in _BELOW.split()])
"""Operators whose scripts stand above and below."""

ACCENTS = {
    "^": "hat", "\u02c6": "hat", "\u0302": "hat", "~": "tilde", "\u02dc": "tilde", "\u0303": "tilde",
    "\u00af": "bar", "\u0304": "bar", "\u203e": "overline", "\u0305": "overline", "\u2015": "overline",
    "\u2192": "vec", "\u20d7": "vec", "\u02d9": "dot", "\u0307": "dot", ".": "dot", "\u00a8": "ddot",
    "\u0308": "ddot", "\u20db": "dddot", "\u02c7": "check", "\u030c": "check", "\u02d8": "breve",
    "\u0306": "breve", "\u00b4": "acute", "\u0301": "acute", "`": "grave", "\u0300": "grave",
    "\u02da": "mathring", "\u030a": "mathring", "\u23de": "overbrace", "\ufe37": "overbrace", "_": "overline",
    "\u2190": "overleftarrow", "\u2194": "overleftrightarrow",
}  # fmt: skip
WIDE = {"hat": "widehat", "tilde": "widetilde", "bar": "overline", "vec": "overrightarrow"}
"""Accents of more than one character."""
UNDER = {"_": "underline", "\u0332": "underline", "\u00af": "underline", "\u203e": "underline",
         "\u23df": "underbrace", "\ufe38": "underbrace"}  # fmt: skip

VARIANTS = {
    "bold": "mathbf", "double-struck": "mathbb", "script": "mathcal", "bold-script": "mathcal",
    "fraktur": "mathfrak", "bold-fraktur": "mathfrak", "sans-serif": "mathsf", "bold-sans-serif": "mathsf",
    "monospace": "mathtt", "bold-italic": "boldsymbol", "normal": "mathrm",
}  # fmt: skip
_STYLES = (
    ("DOUBLE-STRUCK", "mathbb"), ("BLACK-LETTER", "mathfrak"), ("FRAKTUR", "mathfrak"), ("SCRIPT", "mathcal"),
    ("MONOSPACE", "mathtt"), ("SANS-SERIF", "mathsf"), ("BOLD ITALIC", "boldsymbol"), ("BOLD", "mathbf"),
)  # fmt: skip
_TEXT = {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}"}
_TEXT_SPECIAL = re.compile(r"[\\{}%#&_$~^]")


def symbol(char: str) -> str:
    """LaTeX of one character: a command, the character itself, or nothing for invisible ones."""
    if char in SYMBOLS:
        return SYMBOLS[char]
    if char.isascii():
        return char
    plain = unicodedata.normalize("NFKC", char)
    if plain == char or len(plain) != 1:
        return char
    # Letters that exist in several styles: U+1D400 and after, and the older ones among U+2100 and after.
    name = unicodedata.name(char, "")
    inner = SYMBOLS.get(plain, plain)
    command = next((command for style, command in _STYLES if style in name), "")
    return f"\\{command}{{{inner}}}" if command else inner


def text(words: str) -> str:
    """Words that are no formula, as `\\text` takes them."""
    return _TEXT_SPECIAL.sub(lambda match: _TEXT.get(match[0], "\\" + match[0]), words)
