"""The technician's phone: my day, a line, look-up by MAC or serial, what is near."""
