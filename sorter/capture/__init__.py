"""Where frames come from: films, folders, cameras, streams and the simulated belt."""
