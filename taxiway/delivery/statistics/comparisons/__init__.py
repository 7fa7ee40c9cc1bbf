"""Two arms compared from counts alone, by bounds that hold at all looks at once."""
