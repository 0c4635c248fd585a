"""Watched and steered: how anyone outside looks into a running world."""
