"""The machine room: what every pipeline uses and no fork edits."""
