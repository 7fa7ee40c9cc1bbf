"""What makes an experiment sound: its size, its sample ratio, its several metrics and arms."""
