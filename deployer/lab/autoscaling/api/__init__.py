"""The Auto Scaling API: one function from parameters to answer for each action."""
