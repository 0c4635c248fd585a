"""Whole screens and the overlays above them."""
