"""What is on record of one run: record.json in its folder, written at its end and read by all."""
