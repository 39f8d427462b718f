"""The filesystem under attack: damaged images, exhausted resources, killed users, hangs, and sudden ends."""
