"""告警: kinds.py says what is one and whose, looking.py finds them, sending.py tells them outside."""
