"""Models that score text. None yet: language identification loads its model where it is used."""
