"""Texts to directions: encoders and static vectors, as int8 codes that compare alike on every machine."""
