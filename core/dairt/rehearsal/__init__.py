"""Scenarios played: a cluster in some world, a timeline of trouble, and the promises that must hold."""
