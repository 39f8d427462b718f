"""What this machine can do, and what to do about the rest: looks that change nothing, as frozen values."""
