"""The engine `auto`: a page as blocks of text, which a small model classifies; the good ones are written."""
