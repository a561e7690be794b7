"""Data sets: labelled clips and their parts."""
