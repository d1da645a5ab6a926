"""Markup to text: HTML by the engine one names, formulas as LaTeX, Markdown to plain text.

`html` is the stage: it makes formulas text (`formulas`), hands the page to an engine (`engines`, of which
`auto` is ours), and reads title, dates and licence off it (`about`). `nesting` bounds the work of a page
before it is parsed. `markdown` is the other stage.
"""
