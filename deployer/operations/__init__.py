"""What surrounds deployments: they are looked after while nobody sits at a terminal."""
