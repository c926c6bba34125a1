"""Settings: a TOML file under environment variables under flags, checked as a whole before anything is sent."""
