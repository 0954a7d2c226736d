"""What is in the directories here is other people's code: it is run as models, never collected."""

collect_ignore_glob = ["*_shape/*"]
