"""Wavefunctions, one folder a family: a light ``spec.py``, and the model for each space that it covers."""
