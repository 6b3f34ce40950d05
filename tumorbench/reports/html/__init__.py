"""The report as one HTML file: boards that sort, plots, pictures. Needs the packages of the extra ``report``."""

from tumorbench.reports.html.material import Material
from tumorbench.reports.html.page import render_report

__all__ = ["Material", "render_report"]
