"""Reports: the office's figures on screen, on paper and in files."""
