"""Is an environment fit for deployments? Read everything, change nothing, say what would go wrong.

reading -> facts -> entrance, fleet, around, templates, terraform -> findings. Only `reading` talks to AWS.
"""
