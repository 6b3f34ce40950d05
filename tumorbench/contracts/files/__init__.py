"""Files that are read and written: regular ones, JSON, pictures, weights; whole or not at all."""
