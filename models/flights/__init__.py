"""The example a fork replaces: will a flight from New York arrive more than 15 minutes late?"""
