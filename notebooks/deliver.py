# %% [markdown]
# # Deliver: which version serves, and where does it come from?

# %%
from taxiway.notebooks import delivery, results
from taxiway.notebooks.session import Session

config = Session("smoke").config
delivery.versions(config)

# %% [markdown]
# ## What the newest version was made of

# %%
delivery.lineage(config)

# %% [markdown]
# ## The report of the newest run

# %%
runs = results.runs(config)
delivery.report(config, runs.index[0])
