"""Captions, further sounds, and the manifests that name them beside a video's renditions."""
