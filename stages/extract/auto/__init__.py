"""The engine `auto`: a page as blocks of text, each judged by a small model, the good ones written out."""
