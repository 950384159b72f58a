"""Features of whole data sets, written to files."""
