"""What gateways have measured of each version, as counts that can be added up."""
