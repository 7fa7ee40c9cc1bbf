"""Sequential tests, confidence sequences, sample ratios, power: pure functions of counts."""
