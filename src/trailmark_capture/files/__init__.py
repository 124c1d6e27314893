"""Which files a program read and wrote."""
