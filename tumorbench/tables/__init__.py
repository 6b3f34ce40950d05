"""What boards and reports share: records in rows, their values in words, and Markdown."""
