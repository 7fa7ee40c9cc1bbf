# %% [markdown]
# # Explore: what is the data like?
# Statistics, schema and drift of the spans that a run would take. Each cell is a line or two of
# the project's own functions (`taxiway/notebooks`); nothing is loaded from outside.

# %%
from taxiway.notebooks import charts, data
from taxiway.notebooks.session import Session

session = Session("smoke")
data.export(session.config)
data.spans(session.config)

# %% [markdown]
# ## Rows as the model sees them

# %%
session.run("ArrowExampleGen")
data.rows(session)

# %% [markdown]
# ## Statistics of each split

# %%
session.run("StatisticsGen")
data.statistics(session)

# %% [markdown]
# ## The curated schema

# %%
data.schema(session.config)

# %% [markdown]
# ## One feature, drawn

# %%
charts.distribution(session, "wind_speed")

# %% [markdown]
# ## Is the newest span like those before it?

# %%
session.run("DataGate")
data.drift(session)
