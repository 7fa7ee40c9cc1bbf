"""The Pusher's executor: the stock component, pushing atomically and each model once."""
