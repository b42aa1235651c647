"""The written documentation as the tests see it: its commands, what it shows of answers, and its generated tables."""
