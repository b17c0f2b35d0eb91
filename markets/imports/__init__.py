"""The import of businesses: from the cells of a registry file to rows of the database, never one row at a time.

texts.py reads single cells, places.py finds districts, streets, offices and markets, checks.py judges blocks of rows,
plan.py matches them with what is there and writes the difference.
"""
