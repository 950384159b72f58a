"""What puts a SavedModel behind a server: files, clients, and a server for trials."""
