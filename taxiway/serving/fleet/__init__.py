"""Versions from the queue to traffic: verified, loaded, warmed up, tried, kept warm, ended."""
