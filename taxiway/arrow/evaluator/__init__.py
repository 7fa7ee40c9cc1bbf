"""The Evaluator's arrow engine: predicts in large batches and sums every slice at once."""
