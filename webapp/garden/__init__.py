"""The walled garden: the small application that customers who are cut or warned are led to."""
