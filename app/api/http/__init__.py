"""The HTTP machinery that has nothing to do with statistics: middleware, authorization, limits, problems."""
