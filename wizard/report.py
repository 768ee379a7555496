"""The three forms of a diagnosis: for machines, for a terminal, for a ticket."""

from netwiz.wizard.report_json import SCHEMA, to_json
from netwiz.wizard.report_markdown import to_markdown
from netwiz.wizard.report_text import to_text

__all__ = ["SCHEMA", "to_json", "to_markdown", "to_text"]
