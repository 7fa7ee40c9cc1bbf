"""Pages that need nothing but themselves: one look, one way to escape, one library for charts.

`page` fills a template that extends `base.html.j2`; `line_chart`, `bar_chart`, `column_chart` and
`scatter` give charts as inline SVG, and `inline` makes one of any SVG.
"""

from taxiway.html.charts import Line, bar_chart, column_chart, line_chart, scatter
from taxiway.html.page import page
from taxiway.html.svg import inline

__all__ = ["Line", "bar_chart", "column_chart", "inline", "line_chart", "page", "scatter"]
