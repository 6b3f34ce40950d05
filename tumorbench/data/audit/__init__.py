"""Data sets as they are: copies, labels that contradict each other, splits that leak, pictures that cannot be slices."""

from __future__ import annotations

from tumorbench.data.audit.page import page, random_pairs
from tumorbench.data.audit.report import Audit, audit
from tumorbench.data.audit.unreadable import unreadable

__all__ = ["Audit", "audit", "page", "random_pairs", "unreadable"]
