"""deployer.toml, typed: `schema` says what there is, `reading` loads it, the rest judges it."""
