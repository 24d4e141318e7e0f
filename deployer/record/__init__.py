"""What a record keeps beside its plan: who acted, what users had, what is owed back, what it has cost. Pure data."""
