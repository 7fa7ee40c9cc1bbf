"""What runs were: the registry's index of them, made from ML Metadata and the runs' folders."""
