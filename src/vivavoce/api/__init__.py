"""HTTP routes and the app factory."""
