"""The dashboard in a browser: `bash .ci/browser` runs what is here, pytest by itself finds none of it."""
