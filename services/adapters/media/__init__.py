"""FFmpeg and Shaka Packager: what is done to pictures and sound, and under which limits."""
