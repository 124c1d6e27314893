"""Choosing a base: the list with its filters, as a piece of the pages that offer it."""

from trailmark.web.bases.view import BaseCards, cards_for

__all__ = ["BaseCards", "cards_for"]
