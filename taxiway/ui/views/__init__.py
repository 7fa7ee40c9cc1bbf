"""The views, a file each: the document that one shows, and how it is read."""
