"""From one reading of the cloud and an intent to a plan: the strategies, and what they are made of. Pure."""
