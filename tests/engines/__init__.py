"""The two database engines that tests run on, and migrated databases made quickly on either."""
