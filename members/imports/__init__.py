"""Files about persons. Identity numbers and phones are matched by blind index; no error keeps a personal cell in clear."""
