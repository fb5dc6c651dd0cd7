"""The resident's code and the scan at the door."""
