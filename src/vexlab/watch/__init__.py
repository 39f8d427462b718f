"""The edit loop: on each save of a target's source a build, cases in fresh machines, one screen."""
