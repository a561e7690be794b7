"""Audio: read any recording as a clip of mono float32 samples."""
