"""The study: what masking teaches, what it costs, and which mask works."""
