"""Where adapters meet the core: settings and the environment in, what a command or a function needs out."""
