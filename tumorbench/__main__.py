"""``python -m tumorbench``."""

from tumorbench.cli import main

if __name__ == "__main__":
    main()
