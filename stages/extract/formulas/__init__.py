"""Formulas in markup, of whatever kind, as LaTeX in the text."""
