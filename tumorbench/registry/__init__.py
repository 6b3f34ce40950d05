"""What is installed: the cards of every plugin, and what is wrong with those that do not load."""

from tumorbench.registry.cards import KINDS, Plugin, Registry
from tumorbench.registry.discovery import GROUP, find

__all__ = ["GROUP", "KINDS", "Plugin", "Registry", "find"]
