"""What a run is doing now, made of its journal and of what this host tells of its machines."""
