"""A lineage to look at: boxes and arrows, placed by graphviz or by a layout of our own, as SVG."""
