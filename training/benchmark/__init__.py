"""Times what this package does beside a ceiling and its peers."""
