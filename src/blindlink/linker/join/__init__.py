"""All pairs of filters at least as similar as a threshold, exactly."""
