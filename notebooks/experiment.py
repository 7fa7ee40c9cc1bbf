# %% [markdown]
# # Experiment: change something, and see what it does
# Nodes run one by one, and what a change does not touch is reused.

# %%
from taxiway.notebooks import charts, results
from taxiway.notebooks.session import Session

before = Session("smoke")
before.run("Trainer")

# %%
charts.curves(before)

# %% [markdown]
# ## On which slices is it worst?

# %%
before.run("Evaluator")
results.slices(before, "auc")

# %% [markdown]
# ## One hyperparameter changed

# %%
after = before.changed(**{"model.hyperparameters.learning_rate": 0.01})
after.run("Evaluator")
results.metrics(before=before, after=after)

# %% [markdown]
# ## End both runs: each has a report, and a place in the list

# %%
before.finish()
after.finish()
results.runs(after.config)

# %% [markdown]
# ## What differs, in words

# %%
results.compare(after.config, before.run_id, after.run_id)
