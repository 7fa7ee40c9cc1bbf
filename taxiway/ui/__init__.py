"""A page for the team: runs, models, lineage and the audit in a browser, and approvals by hand."""
