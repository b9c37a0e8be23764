"""Speech synthesis: the engines that speak, and what they share."""
