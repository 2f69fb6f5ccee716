"""The network on the map: coverage, points set by hand, geocoding."""
