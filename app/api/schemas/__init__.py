"""The shapes of answers: named, closed models that document the API and check every answer in the tests."""
