"""FACE: pages, forms, the JSON API and event streams. Start reading at webapp/factory.py."""
