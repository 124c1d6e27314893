"""Capture: what runs beside a kernel or a shell and writes down what happened, into the journal."""
