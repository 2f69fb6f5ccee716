"""The demo ISP: its plan, its rows, and the programs that answer for its devices."""
