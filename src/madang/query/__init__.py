"""The one door: every read is resolved, authorised, pinned, limited and recorded."""
