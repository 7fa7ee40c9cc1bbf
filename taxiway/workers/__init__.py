"""A map over shards and a merge of small results, on one machine or many."""
