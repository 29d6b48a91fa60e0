"""Formats whose values are text: each splits records into named columns of text.

Main type: :class:`Split`, which :class:`madang.process.text_columns.TextColumns` types.
"""
