"""Measurements of Sequin beside the alternatives."""
