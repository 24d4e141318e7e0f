"""When something may begin: the times of [windows] over a real calendar, with its zones and holidays."""
