"""DeployQueue: hands a registered version to the deployer."""
