"""RunReport: the whole run on one page, written whatever happened."""
