"""Set-based counting. Every source is one SELECT; tiles count it, lists filter by it."""
