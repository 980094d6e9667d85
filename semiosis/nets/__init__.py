"""The networks agents are made of; they receive plain numbers, never a configuration."""
