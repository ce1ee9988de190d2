"""The commands of reader studies."""
